//! How a descent is going, on standard error: one line that moves in a terminal, else a few lines.
//!
//! Linear models tell of some of their epochs, networks of every step; of those, only as many are
//! drawn as an eye can follow.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use chainrule_fit::linear::Epoch;
use chainrule_fit::report::number;
use chainrule_fit::train::Event;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The line, or lines.
pub(crate) struct Progress {
    /// In a terminal: the line, from the first epoch that is told.
    bar: Option<ProgressBar>,
    in_terminal: bool,
    /// When a step was last drawn.
    drawn: Option<Instant>,
}

/// The time between two drawings.
const PAUSE: Duration = Duration::from_millis(50);

/// The lines that a run leaves where there is no terminal.
const LINES: usize = 5;

impl Progress {
    pub(crate) fn new() -> Progress {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Progress { bar: None, in_terminal: io::stderr().is_terminal() && !dumb, drawn: None }
    }

    /// How often to be told.
    pub(crate) fn times(&self) -> usize {
        if self.in_terminal { 200 } else { LINES }
    }

    /// Shows an epoch.
    pub(crate) fn tell(&mut self, epoch: &Epoch) {
        if !self.in_terminal {
            let _ = io::stderr().write_all((line(epoch) + "\n").as_bytes());
            return;
        }
        self.draw(line(epoch), epoch.done as u64, epoch.of as u64);
    }

    /// Shows a step or an epoch of a network's training.
    pub(crate) fn step(&mut self, event: &Event<'_>) {
        let is_last = event.end.is_some() && event.epoch == event.epochs;
        if !self.in_terminal {
            let every = event.epochs.div_ceil(LINES).max(1);
            if event.end.is_some() && (event.epoch.is_multiple_of(every) || is_last) {
                let _ = io::stderr().write_all((step_line(event) + "\n").as_bytes());
            }
            return;
        }
        if is_last || self.drawn.is_none_or(|at| at.elapsed() > PAUSE) {
            self.drawn = Some(Instant::now());
            let (batches, done) = (event.batches as u64, event.epoch as u64 - 1);
            let of = batches * event.epochs as u64;
            self.draw(step_line(event), batches * done + event.batch as u64, of);
        }
    }

    fn draw(&mut self, line: String, done: u64, of: u64) {
        let bar = self.bar.get_or_insert_with(|| {
            let target = ProgressDrawTarget::stderr_with_hz(20);
            let bar = ProgressBar::with_draw_target(Some(of), target);
            if let Ok(style) = ProgressStyle::with_template("{msg}  {wide_bar}") {
                bar.set_style(style.progress_chars("━╸─"));
            }
            bar
        });
        bar.set_message(line);
        bar.set_position(done);
    }

    /// Leaves the last state of the line where it is.
    pub(crate) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.abandon();
        }
    }
}

/// An epoch as one line, of much the same length throughout.
fn line(epoch: &Epoch) -> String {
    let Epoch { done, of, loss, validation, elapsed } = epoch;
    let width = of.to_string().len();
    let pace = *done as f64 / elapsed.as_secs_f64().max(1e-9);
    let left = Duration::from_secs_f64(((of - done) as f64 / pace).min(1e9));
    let loss = number(*loss, 4);
    let validation = validation.map_or(String::new(), |v| format!("  validation {}", number(v, 4)));
    let pace = if pace < 10.0 { format!("{pace:.1}") } else { format!("{pace:.0}") };
    let left = if done == of { time(*elapsed) } else { format!("{} left", time(left)) };
    format!("epoch {done:>width$}/{of}  loss {loss}{validation}  {pace} epochs/s  {left}")
}

/// A step or an epoch of a network's training as one line.
fn step_line(event: &Event<'_>) -> String {
    let width = event.epochs.to_string().len();
    let loss = number(if event.end.is_some() { event.loss } else { event.smooth }, 4);
    let mut line = format!("epoch {:>width$}/{}  loss {loss}", event.epoch, event.epochs);
    if let Some(validation) = event.end.and_then(|end| end.validation) {
        line += &format!("  validation {}", number(validation, 4));
    }
    for (name, value) in event.metrics {
        line += &format!("  {name} {}", number(*value, 3));
    }
    line += &format!("  rate {}", number(event.rate, 2));
    if let Some(norm) = event.norm {
        line += &format!("  gradient {}", number(norm, 2));
    }
    let is_last = event.end.is_some() && event.epoch == event.epochs;
    line + &match is_last {
        true => format!("  {}", time(event.elapsed)),
        false => format!("  {} left", time(event.left)),
    }
}

/// `0.4 s`, `12 s`, `3 min 05 s`, `2 h 10 min`.
fn time(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let shown = [400, 12_000, 185_000, 7_800_000].map(|ms| time(Duration::from_millis(ms)));
        assert_eq!(shown, ["0.4 s", "12 s", "3 min 05 s", "2 h 10 min"]);
    }

    #[test]
    fn lines() {
        let elapsed = Duration::from_millis(500);
        let mut epoch = Epoch { done: 50, of: 200, loss: 0.56789, validation: Some(0.6), elapsed };
        assert_eq!(
            line(&epoch),
            "epoch  50/200  loss 0.5679  validation 0.6000  100 epochs/s  1.5 s left"
        );
        epoch.done = 200;
        epoch.validation = None;
        assert_eq!(line(&epoch), "epoch 200/200  loss 0.5679  400 epochs/s  0.5 s");
    }
}
