//! Files that are whole or not there.
//!
//! A file is written under another name in the same folder, forced to the disk, and given its name
//! by a rename, which file systems do at once. Whoever reads the name sees the old file or the new
//! one. What exists and is no ordinary file, such as a device, is never replaced.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::data::table::shown_path;
use crate::error::{Error, Result, fail, reason};

/// Writes `bytes` to the file at `path`, whole or not at all.
///
/// # Errors
/// If the file cannot be written; then nothing is left behind.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let (target, draft) = places(path)?;
    finish(&target, &draft, bytes).map_err(|error| {
        let _ = fs::remove_file(&draft);
        unwritable(path, &error)
    })
}

/// Whether [`write()`] could write to `path`, so that no long work is done in vain.
///
/// # Errors
/// If it could not.
pub fn check(path: &Path) -> Result<()> {
    let (_, draft) = places(path)?;
    let made = create(&draft).map(drop).and_then(|()| fs::remove_file(&draft));
    made.map_err(|error| unwritable(path, &error))
}

/// The file that `path` leads to and the name under which it is written at first.
fn places(path: &Path) -> Result<(PathBuf, PathBuf)> {
    let name = shown_path(&path.display().to_string());
    // A link stays a link: the file that it leads to is replaced.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    if let Ok(about) = fs::symlink_metadata(&target) {
        if about.is_dir() {
            fail!("{name} is a directory; name a file to write");
        }
        if !about.is_file() {
            fail!("{name} is not an ordinary file and will not be replaced; name another");
        }
        if about.permissions().readonly() {
            fail!("{name} is write-protected; name another file");
        }
    }
    let Some(file) = target.file_name() else { fail!("{name} does not name a file to write") };
    let mut draft = std::ffi::OsString::from(".");
    draft.push(file);
    draft.push(format!(".{}.tmp", std::process::id()));
    Ok((target.clone(), target.with_file_name(draft)))
}

fn create(draft: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(draft)
}

fn finish(target: &Path, draft: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = create(draft)?;
    file.write_all(bytes)?;
    if let Ok(old) = fs::metadata(target) {
        file.set_permissions(old.permissions())?;
    }
    file.sync_all()?;
    drop(file);
    fs::rename(draft, target)?;
    // The rename itself reaches the disk with the folder; where folders cannot be opened it is the
    // system's affair.
    let folder = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

fn unwritable(path: &Path, error: &io::Error) -> Error {
    let name = shown_path(&path.display().to_string());
    let advice = match error.kind() {
        io::ErrorKind::NotFound => "the folder does not exist; make it first".into(),
        _ => format!("{}; name a file in a folder that you may write to", reason(error)),
    };
    Error::new(format!("{name} cannot be written: {advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap();
        names.map(|f| f.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn new_and_replaced_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        check(&path).unwrap();
        assert!(names(folder.path()).is_empty());
        for bytes in [&b"first"[..], b"second"] {
            write(&path, bytes).unwrap();
            assert_eq!(fs::read(&path).unwrap(), bytes);
            assert_eq!(names(folder.path()), ["a.bin"]);
        }
    }

    #[test]
    fn refusals_leave_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("f");
        fs::create_dir(&inside).unwrap();
        for (path, said) in [
            (inside.clone(), "is a directory"),
            (folder.path().join("no/such/a.bin"), "the folder does not exist"),
            (PathBuf::from("/"), "is a directory"),
        ] {
            for got in [check(&path).unwrap_err(), write(&path, b"x").unwrap_err()] {
                assert!(got.to_string().contains(said), "{got}");
            }
        }
        assert_eq!(names(folder.path()), ["f"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_and_devices() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write(&link, b"new").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        let got = check(Path::new("/dev/null")).unwrap_err().to_string();
        assert!(got.contains("not an ordinary file"), "{got}");
    }
}
