//! Checkpoints: files from which a run goes on as if it had not been broken off.
//!
//! A checkpoint is one safetensors file,
//!
//! ```text
//! model.…      parameters and buffers          mean.…   running means of the parameters
//! optimiser.…  moments, steps, rates           best.…   the best model so far
//! schedule.…   step, first rates
//! ```
//!
//! with one text beside them, a JSON object: where in the data the run is, the state of the random
//! generator, the history, and a checksum over all tensors. It is written under another name,
//! forced to the disk and then renamed, so a name that is there is a whole file; the two last are
//! kept. A process may be killed at any moment.
//!
//! ```text
//! run/step-0000000900.safetensors  run/step-0000001000.safetensors  run/best-00007.safetensors
//! ```
//!
//! Whoever resumes takes the last file that is sound, and says so if a later one is not.

use std::fs;
use std::path::{Path, PathBuf};

use chainrule_core::Tensor;
use serde_json::Value;

use super::digest;
use crate::atomic;
use crate::data::table::shown_path;
use crate::error::{Error, Result, fail, reason};
use crate::nn::{Metadata, from_bytes, read, to_bytes};

/// The version of the layout.
const LAYOUT: &str = "checkpoint-1";

/// How many of the last checkpoints are kept.
const KEPT: usize = 2;

/// Where and how often to write checkpoints.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoints {
    /// The folder; it is made if it is not there.
    pub folder: PathBuf,
    /// After how many steps, besides the end of each epoch.
    pub every: Option<usize>,
    /// How many of the best epochs are kept as models of their own.
    pub best: usize,
}

impl Checkpoints {
    /// One after each epoch, and the best model.
    pub fn new(folder: impl Into<PathBuf>) -> Checkpoints {
        Checkpoints { folder: folder.into(), every: None, best: 1 }
    }

    /// Makes the folder, and takes away what writers that were killed left in it.
    pub(super) fn prepare(&self, resume: bool) -> Result<()> {
        let name = shown_path(&self.folder.display().to_string());
        let wrong = |error: std::io::Error| {
            Error::new(format!(
                "the folder {name} for checkpoints cannot be used: {}",
                reason(&error)
            ))
        };
        fs::create_dir_all(&self.folder).map_err(wrong)?;
        for entry in fs::read_dir(&self.folder).map_err(wrong)? {
            let path = entry.map_err(wrong)?.path();
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            let is_draft = file.starts_with(".step-") || file.starts_with(".best-");
            if is_draft && file.ends_with(".tmp") {
                let _ = fs::remove_file(&path);
            }
        }
        if !resume && !self.steps()?.is_empty() {
            fail!("{name} already holds checkpoints; resume from them, or name another folder");
        }
        atomic::check(&self.folder.join("step-.safetensors"))
    }

    /// The checkpoints that are there with their steps, the last one first.
    fn steps(&self) -> Result<Vec<(usize, PathBuf)>> {
        let entries = fs::read_dir(&self.folder).map_err(|error| {
            let name = shown_path(&self.folder.display().to_string());
            Error::new(format!("the folder {name} cannot be read: {}", reason(&error)))
        })?;
        let mut steps = vec![];
        for entry in entries.flatten() {
            let file = entry.file_name().to_string_lossy().into_owned();
            let step = file.strip_prefix("step-").and_then(|f| f.strip_suffix(".safetensors"));
            if let Some(step) = step.and_then(|step| step.parse().ok()) {
                steps.push((step, entry.path()));
            }
        }
        steps.sort_by_key(|(step, _)| std::cmp::Reverse(*step));
        Ok(steps)
    }

    /// Writes a checkpoint, and then removes those that are no longer needed.
    pub(super) fn save(&self, checkpoint: &Checkpoint) -> Result<()> {
        let step = checkpoint.step();
        let path = self.folder.join(format!("step-{step:010}.safetensors"));
        checkpoint.write(&path)?;
        let steps = self.steps()?;
        // Later ones are left of a damaged end that was passed over.
        for (_, later) in steps.iter().filter(|(other, _)| *other > step) {
            let _ = fs::remove_file(later);
        }
        for (_, old) in steps.iter().filter(|(other, _)| *other <= step).skip(KEPT) {
            let _ = fs::remove_file(old);
        }
        Ok(())
    }

    /// Writes a model that is among the best, `epochs`, and removes those that are no longer.
    pub(super) fn save_best(&self, epoch: usize, epochs: &[usize], model: &State) -> Result<()> {
        let path = |epoch: usize| self.folder.join(format!("best-{epoch:05}.safetensors"));
        atomic::write(&path(epoch), &to_bytes(model, None)?)?;
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let is_best = entry.file_name().to_string_lossy().starts_with("best-");
            if is_best && !epochs.iter().any(|&e| path(e) == entry.path()) {
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(())
    }

    /// The last sound checkpoint, if there is any; what is passed over is said in `warnings`.
    pub(super) fn last(&self, warnings: &mut Vec<String>) -> Result<Option<Checkpoint>> {
        let mut refusals = vec![];
        for (_, path) in self.steps()? {
            match Checkpoint::read(&path) {
                Ok(checkpoint) => {
                    warnings.extend(refusals);
                    return Ok(Some(checkpoint));
                }
                Err(why) => refusals.push(format!("{why}; the one before it is used")),
            }
        }
        match refusals.first() {
            None => Ok(None),
            Some(why) => {
                let why = why.trim_end_matches("; the one before it is used");
                fail!("{why}, and there is no sound one before it; start anew in another folder")
            }
        }
    }
}

/// Tensors by name.
pub(super) type State = [(String, Tensor)];

/// All that a run needs to go on.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// The tensors, the first part of whose names says whose they are.
    pub tensors: Vec<(String, Tensor)>,
    /// Everything else.
    pub about: Value,
}

impl Checkpoint {
    /// The number of steps that were taken.
    pub fn step(&self) -> usize {
        self.about["step"].as_u64().unwrap_or(0) as usize
    }

    /// The tensors whose names begin with `part` and a dot, without that.
    pub fn part(&self, part: &str) -> Vec<(String, Tensor)> {
        let own = |(name, tensor): &(String, Tensor)| {
            let rest = name.strip_prefix(part)?.strip_prefix('.')?;
            Some((rest.to_string(), tensor.clone()))
        };
        self.tensors.iter().filter_map(own).collect()
    }

    /// Adds tensors under the name `part`.
    pub(super) fn add(&mut self, part: &str, state: Vec<(String, Tensor)>) {
        let named = state.into_iter().map(|(name, tensor)| (format!("{part}.{name}"), tensor));
        self.tensors.extend(named);
        self.tensors.sort_by(|a, b| a.0.cmp(&b.0));
    }

    fn write(&self, path: &Path) -> Result<()> {
        atomic::write(path, &self.to_bytes()?)
    }

    /// The file's bytes.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut about = self.about.clone();
        about["layout"] = LAYOUT.into();
        about["checksum"] = digest(&self.tensors)?.into();
        let metadata = Metadata::from([("chainrule".to_string(), about.to_string())]);
        to_bytes(&self.tensors, Some(metadata))
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    /// If the file cannot be read, or is no whole and sound checkpoint.
    pub fn read(path: &Path) -> Result<Checkpoint> {
        let name = shown_path(&path.display().to_string());
        let parts =
            read(path).map_err(|why| Error::new(format!("the checkpoint is damaged: {why}")))?;
        Checkpoint::of(parts, &name)
    }

    /// What [`to_bytes`](Self::to_bytes) gave.
    pub(super) fn from_bytes(bytes: &[u8], name: &str) -> Result<Checkpoint> {
        Checkpoint::of(from_bytes(bytes)?, name)
    }

    fn of(
        (tensors, metadata): (Vec<(String, Tensor)>, Metadata),
        name: &str,
    ) -> Result<Checkpoint> {
        let about: Option<Value> =
            metadata.get("chainrule").and_then(|text| serde_json::from_str(text).ok());
        let Some(about) = about else { fail!("{name} holds tensors, but is no checkpoint") };
        if about["layout"] != LAYOUT {
            fail!("{name} is no checkpoint of this version");
        }
        if about["checksum"] != digest(&tensors)? {
            fail!("the checkpoint {name} is damaged: its checksum does not match");
        }
        Ok(Checkpoint { tensors, about })
    }
}
