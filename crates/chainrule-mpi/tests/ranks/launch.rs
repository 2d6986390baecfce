//! Starting this test program again, as several ranks.

use std::process::{Command, Output};

/// Names what the ranks are to do.
const WHAT: &str = "CHAINRULE_TEST_RANKS";

/// A command that runs the test `child` of this program with `what` to do on `n` ranks.
pub(crate) fn mpirun(n: usize, child: &str, what: &str) -> Command {
    let mut command = Command::new("mpirun");
    command
        .args(["-n", &n.to_string()])
        .arg(std::env::current_exe().expect("a program"))
        .args([child, "--exact", "--nocapture", "--test-threads=1"])
        // OpenMPI's words for running as root and with more ranks than cores, in versions 4 and 5.
        .envs(["OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"].map(|name| (name, "1")))
        .env("OMPI_MCA_rmaps_base_oversubscribe", "1")
        .env("PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe")
        .env(WHAT, what);
    command
}

/// What the ranks are to do; `None` in the process that starts them.
pub(crate) fn task() -> Option<String> {
    std::env::var(WHAT).ok()
}

/// What the ranks said; they must have ended well.
pub(crate) fn succeed(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    out
}

/// The values of lines `key: value`, from any rank.
pub(crate) fn values(out: &str, key: &str) -> Vec<String> {
    // Lines of several ranks may follow each other without an end.
    let start = format!("{key}: ");
    out.match_indices(&start)
        .map(|(at, _)| out[at + start.len()..].split(['\n', ';']).next().unwrap_or("").to_string())
        .collect()
}
