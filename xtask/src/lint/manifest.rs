//! Checks of the crates' manifests: who depends on whom, and who inherits the lints.
//!
//! The manifests are read line by line. That is enough for the form in which this workspace writes
//! them, and a form that it does not write is reported rather than passed over.

use super::File;

/// What each crate may depend on, in `[dependencies]` of any kind: one row per workspace crate.
/// Nothing may depend on `xtask` or the command line, so no row names them on the right.
pub(crate) const CRATES: &[(&str, &[&str])] = &[
    ("chainrule-kernels", &[]),
    ("chainrule-linalg", &[]),
    ("chainrule-core", &["chainrule-kernels", "chainrule-linalg"]),
    ("chainrule-plot", &[]),
    ("chainrule-fit", &["chainrule-core", "chainrule-plot"]),
    ("chainrule-mpi", &["chainrule-core", "chainrule-fit"]),
    ("chainrule", &["chainrule-core", "chainrule-fit", "chainrule-plot"]),
    ("chainrule-cli", &["chainrule", "chainrule-fit", "chainrule-mpi", "chainrule-plot"]),
    ("chainrule-py", &["chainrule", "chainrule-fit", "chainrule-plot"]),
    ("xtask", &[]),
];

/// The crates that write their lints themselves, because they may hold `unsafe`.
const OWN_LINTS: [&str; 3] = ["chainrule-kernels", "chainrule-mpi", "chainrule-py"];

/// What is asked about a manifest.
#[derive(Debug, Default, PartialEq)]
struct Manifest {
    name: String,
    inherits_lints: bool,
    /// Line number and package name of each dependency, whatever its kind.
    dependencies: Vec<(usize, String)>,
}

impl Manifest {
    fn parse(text: &str) -> Manifest {
        let mut manifest = Manifest::default();
        let mut section = String::new();
        for (n, line) in (1..).zip(text.lines().map(str::trim)) {
            if let Some(header) = line.strip_prefix('[') {
                section = header.trim_end_matches([']', ' ']).to_string();
                if let Some((table, name)) = section.rsplit_once('.')
                    && is_dependencies(table)
                {
                    manifest.dependencies.push((n, name.to_string()));
                }
                continue;
            }
            let Some((key, value)) = line.split_once('=') else { continue };
            let (key, value) = (key.trim(), value.trim());
            match (&*section, key) {
                ("package", "name") => manifest.name = value.trim_matches('"').to_string(),
                ("lints", "workspace") => manifest.inherits_lints = value == "true",
                (table, _) if is_dependencies(table) && !key.starts_with('#') => {
                    let name = key.split('.').next().unwrap_or(key).trim_matches('"');
                    manifest.dependencies.push((n, renamed(value).unwrap_or(name).to_string()));
                }
                _ => {}
            }
        }
        manifest
    }
}

/// `dependencies`, `dev-dependencies`, `target.'…'.build-dependencies` and so on.
fn is_dependencies(table: &str) -> bool {
    let last = table.rsplit('.').next().unwrap_or(table);
    last == "dependencies" || last.ends_with("-dependencies")
}

/// The true name in `{ package = "name", … }`.
fn renamed(value: &str) -> Option<&str> {
    let (_, rest) = value.split_once("package")?;
    rest.split('"').nth(1)
}

/// The workspace's members: `crates/*` and `xtask`.
fn manifests(files: &[File]) -> impl Iterator<Item = (&str, Manifest)> {
    let is_member = |path: &str| match path.strip_suffix("/Cargo.toml") {
        Some("xtask") => true,
        Some(folder) => folder.strip_prefix("crates/").is_some_and(|name| !name.contains('/')),
        None => false,
    };
    let members = files.iter().filter(move |file| is_member(&file.path));
    members.map(|file| (&*file.path, Manifest::parse(&file.text)))
}

/// Dependencies between the workspace's crates are those of `CRATES`.
pub(super) fn crates(files: &[File]) -> Vec<String> {
    let row = |name: &str| CRATES.iter().find(|(of, _)| *of == name);
    let mut problems = Vec::new();
    for (path, manifest) in manifests(files) {
        let name = &manifest.name;
        let Some((_, allowed)) = row(name) else {
            problems.push(format!("{path}: `{name}` has no row in CRATES in {}", file!()));
            continue;
        };
        let ours = manifest.dependencies.iter().filter(|(_, on)| row(on).is_some());
        // A crate that depends on itself asks for its own features in its tests.
        for (n, on) in ours.filter(|(_, on)| on != name && !allowed.contains(&&**on)) {
            let allowed = if allowed.is_empty() { "none".into() } else { allowed.join(", ") };
            problems.push(format!(
                "{path}:{n}: `{name}` depends on `{on}`; workspace crates allowed here: {allowed}"
            ));
        }
    }
    problems
}

/// Every crate but those takes its lints from the workspace.
pub(super) fn lints(files: &[File]) -> Vec<String> {
    manifests(files)
        .filter(|(_, manifest)| !manifest.inherits_lints && !OWN_LINTS.contains(&&*manifest.name))
        .map(|(path, _)| format!("{path}: write `[lints]` and `workspace = true`"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CORE: &str = "crates/chainrule-core/Cargo.toml";

    #[test]
    fn dependencies_of_every_form_are_read() {
        let text = "[package]\nname = \"a\"\n[lints]\nworkspace = true\n[dependencies]\n\
                    b.workspace = true\n# x = \"1\"\nc = { version = \"1\", features = [\"d\"] }\n\
                    e = { package = \"f\", version = \"1\" }\n[dev-dependencies.g]\npath = \"g\"\n\
                    [target.'cfg(unix)'.build-dependencies]\nh = \"1\"\n[features]\ni = []\n";
        let manifest = Manifest::parse(text);
        let names: Vec<_> = manifest.dependencies.iter().map(|(_, name)| &**name).collect();
        assert_eq!(names, ["b", "c", "f", "g", "h"]);
        assert_eq!((manifest.name.as_str(), manifest.inherits_lints), ("a", true));
        assert_eq!(manifest.dependencies[0].0, 6);
    }

    #[test]
    fn a_dependency_that_points_back_is_named() {
        let text = "[package]\nname = \"chainrule-core\"\n[dependencies]\n\
                    chainrule-kernels.workspace = true\nchainrule.workspace = true\nrayon = \"1\"\n\
                    [dev-dependencies]\nchainrule-cli = { path = \"../chainrule-cli\" }\n";
        assert_eq!(
            crates(&[File::of(CORE, text)]),
            [
                format!(
                    "{CORE}:5: `chainrule-core` depends on `chainrule`; \
                     workspace crates allowed here: chainrule-kernels, chainrule-linalg"
                ),
                format!(
                    "{CORE}:8: `chainrule-core` depends on `chainrule-cli`; \
                     workspace crates allowed here: chainrule-kernels, chainrule-linalg"
                ),
            ]
        );
    }

    #[test]
    fn a_new_crate_needs_a_row() {
        let file = File::of("crates/new/Cargo.toml", "[package]\nname = \"new\"\n");
        assert!(crates(&[file])[0].contains("`new` has no row"));
        let nested = File::of("crates/new/data/Cargo.toml", "[package]\nname = \"x\"\n");
        assert!(crates(&[nested]).is_empty());
    }

    #[test]
    fn lints_are_inherited() {
        let without = "[package]\nname = \"chainrule-core\"\n";
        assert_eq!(lints(&[File::of(CORE, without)]).len(), 1);
        let with = format!("{without}[lints]\nworkspace = true\n");
        assert!(lints(&[File::of(CORE, &with)]).is_empty());
        let kernels = "[package]\nname = \"chainrule-kernels\"\n[lints.rust]\nx = \"warn\"\n";
        assert!(lints(&[File::of("crates/chainrule-kernels/Cargo.toml", kernels)]).is_empty());
    }

    #[test]
    fn the_table_points_one_way() {
        for (at, (name, on)) in CRATES.iter().enumerate() {
            let earlier = |on: &&str| CRATES[..at].iter().any(|(name, _)| name == on);
            assert!(on.iter().all(earlier), "{name}: rows stand below their dependencies");
        }
    }
}
