//! Event files that TensorBoard reads.
//!
//! A file is a sequence of records, each a message of protocol buffers in a frame:
//!
//! ```text
//! length, 8 bytes | masked crc of the length, 4 | message | masked crc of the message, 4
//!
//! masked(c) = ((c ≫ 15) | (c ≪ 17)) + 0xa282ead8           c: CRC-32C, polynomial 0x1edc6f41
//! ```
//!
//! The few fields that are needed are written by hand:
//!
//! ```text
//! Event { 1: double wall_time  2: int64 step  3: string file_version  5: Summary  7: SessionLog }
//! Summary { 1: Value { 1: string tag  2: float simple_value } … }    SessionLog { 1: status = 1 }
//! ```
//!
//! A session log that says *start* at a step lets TensorBoard forget what an earlier file says of
//! later steps: that is what a resumed run needs.
//!
//! The formats: `tensorflow/core/lib/io/record_writer.h`, `tensorflow/core/util/event.proto`.
//! `tools/check_tensorboard.py` reads such a file with TensorBoard itself.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::data::table::shown_path;
use crate::error::{Error, Result, reason};

/// An event file that is being written.
#[derive(Debug)]
pub struct EventFile {
    path: PathBuf,
    file: File,
}

impl EventFile {
    /// A new file in `folder`, which is made if it is not there. `step` is where the run begins or
    /// goes on.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn create(folder: &Path, step: usize) -> Result<EventFile> {
        let wrong = |error: &std::io::Error| {
            let name = shown_path(&folder.display().to_string());
            Error::new(format!("{name} cannot be written to: {}", reason(error)))
        };
        fs::create_dir_all(folder).map_err(|e| wrong(&e))?;
        let seconds = now() as u64;
        // A run that is resumed within a second needs another name.
        for attempt in 0..1000 {
            let name = format!("events.out.tfevents.{seconds:010}.chainrule.{attempt}");
            let path = folder.join(name);
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => {
                    let mut file = EventFile { path, file };
                    let version = field(3, b"brain.Event:2");
                    file.write(0, &version)?;
                    if step > 0 {
                        file.write(step, &field(7, &[1 << 3, 1]))?;
                    }
                    return Ok(file);
                }
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(wrong(&e)),
            }
        }
        Err(wrong(&std::io::ErrorKind::AlreadyExists.into()))
    }

    /// Adds numbers with their tags, at a step.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn scalars(&mut self, step: usize, scalars: &[(&str, f64)]) -> Result<()> {
        let mut summary = vec![];
        for (tag, value) in scalars {
            let mut one = field(1, tag.as_bytes());
            one.push(2 << 3 | 5);
            one.extend((*value as f32).to_le_bytes());
            summary.extend(field(1, &one));
        }
        self.write(step, &field(5, &summary))
    }

    /// Writes an event with the field `what`.
    fn write(&mut self, step: usize, what: &[u8]) -> Result<()> {
        let mut event = vec![1 << 3 | 1];
        event.extend(now().to_le_bytes());
        event.push(2 << 3);
        varint(step as u64, &mut event);
        event.extend(what);
        self.file.write_all(&framed(&event)).map_err(|error| {
            let name = shown_path(&self.path.display().to_string());
            Error::new(format!("{name} cannot be written: {}", reason(&error)))
        })
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |t| t.as_secs_f64())
}

/// A field of bytes: its number and type, its length, the bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    varint(bytes.len() as u64, &mut field);
    field.extend_from_slice(bytes);
    field
}

/// Seven bits in a byte, the lowest first; the eighth says that more follow.
fn varint(mut n: u64, to: &mut Vec<u8>) {
    while n >= 0x80 {
        to.push(n as u8 | 0x80);
        n >>= 7;
    }
    to.push(n as u8);
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = (message.len() as u64).to_le_bytes();
    let mut frame = length.to_vec();
    frame.extend(masked(&length).to_le_bytes());
    frame.extend_from_slice(message);
    frame.extend(masked(message).to_le_bytes());
    frame
}

fn masked(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (Castagnoli), bit by bit: events are a hundred bytes.
fn crc32c(bytes: &[u8]) -> u32 {
    let one = |crc: u32, &byte: &u8| {
        (0..8).fold(crc ^ u32::from(byte), |c, _| c >> 1 ^ (0x82f6_3b78 & (c & 1).wrapping_neg()))
    };
    !bytes.iter().fold(!0, one)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of the algorithm, and vectors of RFC 3720, B.4.
    #[test]
    fn checksums() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
    }

    #[test]
    fn numbers_of_any_length() {
        let bytes = |n| {
            let mut to = vec![];
            varint(n, &mut to);
            to
        };
        assert_eq!(bytes(1), [1]);
        assert_eq!(bytes(300), [0xac, 2]);
        assert_eq!(bytes(u64::MAX).len(), 10);
    }
}
