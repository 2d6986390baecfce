//! The log of a run: one JSON object on a line for a step or an epoch, whole lines only.
//!
//! ```text
//! {"event":"start","step":0,"rows":60000,"steps":9380,"version":"0.1.0"}
//! {"event":"step","step":1,"epoch":1,"batch":1,"loss":2.31,"rate":0.001,"norm":1.7}
//! {"event":"epoch","step":938,"epoch":1,"loss":0.31,"validation":0.2,"digest":"61f6c1d0a2b9"}
//! ```
//!
//! A run that is resumed at a step takes what the log says of later steps out of it, and a last
//! line that was cut off, so that a log reads as if there had been no break.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::atomic;
use crate::data::table::shown_path;
use crate::error::{Error, Result, reason};

/// The bytes that are gathered before they are written.
const BUFFER: usize = 1 << 14;

/// A log that is being written.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    file: File,
    lines: Vec<u8>,
}

impl Log {
    /// Opens the log at `path`: anew if `step` is 0, else without what it says of later steps.
    pub(super) fn open(path: &Path, step: usize) -> Result<Log> {
        let kept = match step {
            0 => vec![],
            _ => fs::read(path).map(|bytes| until(&bytes, step)).unwrap_or_default(),
        };
        atomic::write(path, &kept)?;
        let file = OpenOptions::new().append(true).open(path);
        let file = file.map_err(|error| unwritable(path, &error))?;
        Ok(Log { path: path.to_path_buf(), file, lines: vec![] })
    }

    /// Adds a line.
    pub(super) fn line(&mut self, object: &Value) -> Result<()> {
        self.lines.extend(object.to_string().as_bytes());
        self.lines.push(b'\n');
        if self.lines.len() > BUFFER { self.flush() } else { Ok(()) }
    }

    /// Writes the lines that were added.
    pub(super) fn flush(&mut self) -> Result<()> {
        let lines = std::mem::take(&mut self.lines);
        self.file.write_all(&lines).map_err(|error| unwritable(&self.path, &error))
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // Whoever wanted to know of a failure has flushed.
        let _ = self.flush();
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    let name = shown_path(&path.display().to_string());
    Error::new(format!("the log {name} cannot be written: {}", reason(error)))
}

/// The whole lines that speak of no later step.
fn until(log: &[u8], step: usize) -> Vec<u8> {
    let speaks = |line: &[u8]| {
        let object = serde_json::from_slice::<Value>(line).ok()?;
        Some(object["event"] != "end" && object["step"].as_u64()? <= step as u64)
    };
    let lines = log.split_inclusive(|&b| b == b'\n').filter(|line| line.ends_with(b"\n"));
    lines.filter(|line| speaks(line) == Some(true)).flatten().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_resumed_log_reads_as_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        let mut log = Log::open(&path, 0).unwrap();
        for step in 1..=5 {
            log.line(&json!({ "event": "step", "step": step })).unwrap();
        }
        log.flush().unwrap();
        log.file.write_all(b"{\"event\":\"step\",\"st").unwrap();
        drop(log);
        let mut log = Log::open(&path, 3).unwrap();
        log.line(&json!({ "event": "step", "step": 4 })).unwrap();
        drop(log);
        let text = fs::read_to_string(&path).unwrap();
        let steps: Vec<u64> = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["step"].as_u64().unwrap())
            .collect();
        assert_eq!(steps, [1, 2, 3, 4]);
    }
}
