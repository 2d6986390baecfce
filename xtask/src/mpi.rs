//! MPI, which `chainrule-mpi` is built against where it is installed.
//!
//! What is needed: the compiler's wrapper `mpicc` and the launcher `mpirun`, which come with an
//! MPI, and libclang, by which bindgen reads MPI's header. Bindgen does not know where the compiler
//! keeps `stddef.h`; [`Mpi::equip`] tells it.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

use crate::shell;

/// What Debian and its kin call what is needed.
const PACKAGES: [&str; 3] = ["libopenmpi-dev", "openmpi-bin", "libclang1"];

/// An MPI that is installed.
pub(crate) struct Mpi {
    /// What bindgen hands on to libclang.
    clang: String,
}

impl Mpi {
    /// The MPI of this machine, or what it lacks.
    pub(crate) fn here() -> Result<Mpi, String> {
        for name in ["mpicc", "mpirun"] {
            let found = shell::capture(shell::program(name, &["--version"]));
            found.map_err(|_| format!("there is no {name}"))?;
        }
        if !has_libclang() {
            return Err("there is no libclang, by which MPI's header is read".into());
        }
        let include = shell::capture(shell::program("mpicc", &["-print-file-name=include"]));
        let include = include.map_err(|_| "mpicc does not say where its headers are")?;
        Ok(Mpi { clang: format!("-I{}", include.trim()) })
    }

    /// Lets `command` build with MPI.
    pub(crate) fn equip(&self, command: &mut Command) {
        let own = env::var("BINDGEN_EXTRA_CLANG_ARGS").unwrap_or_else(|_| self.clang.clone());
        command.env("BINDGEN_EXTRA_CLANG_ARGS", own);
        command.args(["--features", "chainrule-mpi/mpi,chainrule-cli/mpi"]);
    }
}

/// Whether there is a library of libclang where the crate `clang-sys` looks for it.
fn has_libclang() -> bool {
    if env::var_os("LIBCLANG_PATH").is_some() {
        return true;
    }
    let listed = shell::capture(shell::program("ldconfig", &["-p"]))
        .or_else(|_| shell::capture(shell::program("/sbin/ldconfig", &["-p"])));
    let is_library = |name: &str| name.starts_with("libclang.") || name.starts_with("libclang-");
    let listed = listed.unwrap_or_default();
    let mut names = listed.lines().filter_map(|line| line.trim().split(' ').next());
    if names.any(|name| is_library(name) && !name.starts_with("libclang-cpp")) {
        return true;
    }
    let versions = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let llvm = versions.filter(|e| e.file_name().to_string_lossy().starts_with("llvm-"));
    let mut folders = llvm
        .map(|entry| entry.path().join("lib"))
        .chain(["/usr/lib64", "/usr/local/lib", "/opt/homebrew/opt/llvm/lib"].map(PathBuf::from));
    let holds = |folder: &Path| {
        let files = fs::read_dir(folder).into_iter().flatten().flatten();
        files.into_iter().any(|file| is_library(&file.file_name().to_string_lossy()))
    };
    folders.any(|folder| holds(&folder))
}

/// `cargo xtask setup-mpi`: installs what is needed where that is one command.
pub(crate) fn setup() -> ExitCode {
    if Mpi::here().is_err() {
        let is_debian = shell::capture(shell::program("apt-get", &["--version"])).is_ok();
        if !is_debian {
            eprintln!(
                "error: this is not Debian or one of its kin; docs/mpi.md says what to install"
            );
            return ExitCode::FAILURE;
        }
        let is_root =
            shell::capture(shell::program("id", &["-u"])).is_ok_and(|id| id.trim() == "0");
        for words in [&["update", "--quiet"][..], &[&["install", "--yes"], &PACKAGES[..]].concat()]
        {
            let mut command = match is_root {
                true => shell::program("apt-get", words),
                false => shell::program("sudo", &[&["apt-get"], words].concat()),
            };
            command.env("DEBIAN_FRONTEND", "noninteractive");
            if !command.status().is_ok_and(|status| status.success()) {
                eprintln!("error: {} were not installed", PACKAGES.join(", "));
                return ExitCode::FAILURE;
            }
        }
    }
    match Mpi::here() {
        Ok(mpi) => {
            println!(
                "MPI is here. To build with it outside of `cargo xtask`:\n\
                 BINDGEN_EXTRA_CLANG_ARGS={} cargo build --release --package chainrule-cli \
                 --features mpi",
                mpi.clang
            );
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("error: {why}; docs/mpi.md says what to install");
            ExitCode::FAILURE
        }
    }
}
