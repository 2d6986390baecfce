//! A worker: the long-lived process in which one engine computes.
//!
//! It is started with the folders of inputs and results, and `BENCH_THREADS` in its environment. It
//! reads commands, one a line, and answers each with one line; its standard error is a log.
//!
//! ```text
//! name         ENGINE VERSION
//! row 9        ok, once the row is loaded, computed and its results are written, or absent REASON
//! time 0.12    ns MEDIAN, the median time of a run of the row, from runs over 0.12 seconds
//! drop         ok, and the row's memory is free
//! quit         (the worker ends)
//! ```
//!
//! Our own worker knows four more: `threads N` (`ok`); `primal S` (`ns MEDIAN` of row 18 without
//! its gradient); `scaling KIND N` (`ns MEDIAN`, see `scaling`); `limits` (`limits BANDWIDTH PEAK32
//! PEAK64`, in GB/s and GF/s).

use super::rows::Limits;
use std::fs::{self, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// How long an answer may take. Rows that are compiled may need minutes.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// How long a worker may take to end.
const FAREWELL: Duration = Duration::from_secs(3);

/// A line that a worker said.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    Ok,
    Absent(String),
    Nanoseconds(f64),
    Limits(Limits),
    Other(String),
}

impl Answer {
    fn parse(line: &str) -> Answer {
        let line = line.trim();
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let numbers = || rest.split_whitespace().map(|n| n.parse().ok().filter(|n| *n > 0.0));
        let numbers = || numbers().collect::<Option<Vec<f64>>>().unwrap_or_default();
        match word {
            "ok" if rest.is_empty() => return Answer::Ok,
            "absent" => return Answer::Absent(rest.to_string()),
            "ns" => {
                if let [ns] = numbers()[..] {
                    return Answer::Nanoseconds(ns);
                }
            }
            "limits" => {
                if let [bandwidth, peak32, peak64] = numbers()[..] {
                    return Answer::Limits(Limits { bandwidth, peak32, peak64 });
                }
            }
            _ => {}
        }
        Answer::Other(line.to_string())
    }
}

pub(super) struct Worker {
    process: Child,
    commands: ChildStdin,
    answers: Receiver<String>,
    log: PathBuf,
}

impl Worker {
    /// Starts `command`, with everything it says aside in `log`.
    pub(super) fn start(command: &mut Command, log: PathBuf) -> Result<Worker, String> {
        let mut start = || -> io::Result<(Child, ChildStdin, Receiver<String>)> {
            let file = OpenOptions::new().create(true).append(true).open(&log)?;
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(file);
            let mut process = command.spawn()?;
            let ends = process.stdin.take().zip(process.stdout.take());
            let (commands, out) = ends.ok_or(io::ErrorKind::BrokenPipe)?;
            let (send, answers) = mpsc::channel();
            thread::spawn(move || {
                BufReader::new(out).lines().map_while(Result::ok).try_for_each(|l| send.send(l))
            });
            Ok((process, commands, answers))
        };
        let (process, commands, answers) = start()
            .map_err(|error| format!("{:?} did not start: {error}", command.get_program()))?;
        Ok(Worker { process, commands, answers, log })
    }

    /// The number of its process.
    pub(super) fn process(&self) -> u32 {
        self.process.id()
    }

    /// Sends a command and waits for its answer. After an error the worker is of no more use.
    pub(super) fn ask(&mut self, command: &str) -> Result<Answer, String> {
        if writeln!(self.commands, "{command}").and_then(|()| self.commands.flush()).is_err() {
            return Err(self.last_words(command));
        }
        match self.answers.recv_timeout(PATIENCE) {
            Ok(line) => Ok(Answer::parse(&line)),
            Err(RecvTimeoutError::Disconnected) => Err(self.last_words(command)),
            Err(RecvTimeoutError::Timeout) => {
                Err(format!("no answer to `{command}` in {} minutes", PATIENCE.as_secs() / 60))
            }
        }
    }

    /// What is known about a worker that has ended.
    fn last_words(&mut self, command: &str) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let said = last_line(&String::from_utf8_lossy(&log));
        let status = self.end().map_or_else(String::new, |status| format!(" ({status})"));
        format!("ended at `{command}`{status}: {said}")
    }

    /// Waits a moment for the process to end.
    fn end(&mut self) -> Option<ExitStatus> {
        let step = Duration::from_millis(20);
        let mut waited = Duration::ZERO;
        while waited < FAREWELL && matches!(self.process.try_wait(), Ok(None)) {
            thread::sleep(step);
            waited += step;
        }
        self.process.try_wait().ok().flatten()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = writeln!(self.commands, "quit").and_then(|()| self.commands.flush());
        if self.end().is_none() {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

/// The last line of a text that says something.
pub(super) fn last_line(text: &str) -> String {
    let last = text.lines().map(str::trim).rfind(|line| !line.is_empty());
    last.unwrap_or("without a word").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        let limits = Limits { bandwidth: 40.1, peak32: 199.0, peak64: 99.0 };
        let cases = [
            ("ok", Answer::Ok),
            ("absent traced once\n", Answer::Absent("traced once".into())),
            ("absent", Answer::Absent(String::new())),
            ("ns 1234.5", Answer::Nanoseconds(1234.5)),
            ("ns 1.5e6", Answer::Nanoseconds(1.5e6)),
            ("limits 40.1 199.0 99.0", Answer::Limits(limits)),
        ];
        for (line, answer) in cases {
            assert_eq!(Answer::parse(line), answer);
        }
        for line in ["", "okay", "ok then", "ns", "ns 0", "ns -1", "ns NaN", "ns 1 2", "limits 1 2"]
        {
            assert_eq!(Answer::parse(line), Answer::Other(line.into()));
        }
    }

    #[test]
    fn the_last_line_that_says_something_is_kept() {
        assert_eq!(last_line("a\n  error: b \n\n"), "error: b");
        assert_eq!(last_line("\n"), "without a word");
    }

    /// A worker of five lines that ends at the second row.
    #[cfg(unix)]
    #[test]
    fn workers_are_asked_and_lost() {
        let script = "while read word rest; do case $word in
            name) echo fake 1.0;;
            row) if [ $rest = 2 ]; then echo row two is too much >&2; exit 1; fi; echo ok;;
            time) echo ns 12;; esac; done";
        let log = std::env::temp_dir().join(format!("worker-{}.log", std::process::id()));
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let mut worker = Worker::start(&mut command, log.clone()).unwrap();
        assert_eq!(worker.ask("name"), Ok(Answer::Other("fake 1.0".into())));
        assert_eq!(worker.ask("row 1"), Ok(Answer::Ok));
        assert_eq!(worker.ask("time 0.1"), Ok(Answer::Nanoseconds(12.0)));
        let lost = "ended at `row 2` (exit status: 1): row two is too much";
        assert_eq!(worker.ask("row 2"), Err(lost.into()));
        fs::remove_file(log).unwrap();
        let lost = Worker::start(&mut Command::new("no-such-engine"), PathBuf::from("/dev/null"));
        assert!(lost.err().unwrap().contains("did not start"));
    }
}
