//! How a descent is going, on standard error: one line that moves in a terminal, else a few lines.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use chainrule_fit::linear::Epoch;
use chainrule_fit::report::number;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The line, or lines.
pub(crate) struct Progress {
    /// In a terminal: the line, from the first epoch that is told.
    bar: Option<ProgressBar>,
    in_terminal: bool,
}

impl Progress {
    pub(crate) fn new() -> Progress {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Progress { bar: None, in_terminal: io::stderr().is_terminal() && !dumb }
    }

    /// How often to be told.
    pub(crate) fn times(&self) -> usize {
        if self.in_terminal { 200 } else { 5 }
    }

    /// Shows an epoch.
    pub(crate) fn tell(&mut self, epoch: &Epoch) {
        if !self.in_terminal {
            let _ = io::stderr().write_all((line(epoch) + "\n").as_bytes());
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(
                Some(epoch.of as u64),
                ProgressDrawTarget::stderr_with_hz(20),
            );
            if let Ok(style) = ProgressStyle::with_template("{msg}  {wide_bar}") {
                bar.set_style(style.progress_chars("━╸─"));
            }
            bar
        });
        bar.set_message(line(epoch));
        bar.set_position(epoch.done as u64);
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
