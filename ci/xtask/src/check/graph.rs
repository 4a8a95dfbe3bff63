//! Dependency arrows, from `cargo metadata` against the table.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use cargo_metadata::{DependencyKind, MetadataCommand, Package};

use crate::arrows::{ARROWS, Allowed, ONE_VERSION, WALLS, WINDOWS_IN_WALLS};
use crate::workspace;

/// The manifests of all workspaces of the project that exist.
pub fn workspaces() -> Vec<PathBuf> {
    let root = workspace::root();
    let others = [
        "device-model/fuzz",
        "guest-driver/ndis",
        "guest-driver/nt-host",
        "guest-driver/nt-host/bad-driver",
        "ci/windows/stand-in",
        "guest-driver/ndk-consumer",
    ];
    std::iter::once(root.to_path_buf())
        .chain(others.map(|dir| root.join(dir)))
        .map(|dir| dir.join("Cargo.toml"))
        .filter(|manifest| manifest.exists())
        .collect()
}

fn packages() -> Result<Vec<Package>> {
    let mut all = Vec::new();
    for manifest in workspaces() {
        let metadata = MetadataCommand::new()
            .manifest_path(&manifest)
            .no_deps()
            .exec()
            .with_context(|| format!("cargo metadata of {}", workspace::shown(&manifest)))?;
        all.extend(metadata.packages);
    }
    Ok(all)
}

/// One dependency of ours on ours.
struct Arrow {
    from: String,
    to: String,
    dev: bool,
    from_dir: PathBuf,
    to_dir: PathBuf,
}

/// The step.
pub fn arrows() -> Result<String> {
    let packages = packages()?;
    let mut arrows = Vec::new();
    for package in &packages {
        for dependency in &package.dependencies {
            let Some(path) = &dependency.path else {
                continue;
            };
            arrows.push(Arrow {
                from: package.name.to_string(),
                to: dependency.name.clone(),
                dev: dependency.kind == DependencyKind::Development,
                from_dir: package
                    .manifest_path
                    .parent()
                    .map(Into::into)
                    .unwrap_or_default(),
                to_dir: path.clone().into(),
            });
        }
    }
    let names = packages
        .iter()
        .map(|package| package.name.to_string())
        .collect();
    let wrong = judge(&names, &arrows, ARROWS, workspace::root());
    if !wrong.is_empty() {
        bail!(
            "{}\n  The table is ci/xtask/src/arrows.rs",
            wrong.join("\n  ")
        );
    }
    Ok(format!(
        "{} packages, {} arrows",
        packages.len(),
        arrows.len()
    ))
}

fn judge(
    packages: &BTreeSet<String>,
    arrows: &[Arrow],
    table: &[Allowed],
    root: &Path,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for package in packages {
        if !table.iter().any(|row| row.package == package) {
            wrong.push(format!("{package} is not in the table of arrows"));
        }
    }
    for arrow in arrows {
        let Some(row) = table.iter().find(|row| row.package == arrow.from) else {
            continue;
        };
        let to = arrow.to.as_str();
        let allowed = row.normal.contains(&to) || (arrow.dev && row.dev.contains(&to));
        if !allowed {
            let kind = if arrow.dev { " (in tests)" } else { "" };
            wrong.push(format!("{} may not depend on {to}{kind}", arrow.from));
        }
        let window = arrow.dev && WINDOWS_IN_WALLS.contains(&(arrow.from.as_str(), to));
        for (inside, outside) in WALLS.iter().filter(|_| !window) {
            if arrow.from_dir.starts_with(root.join(inside))
                && arrow.to_dir.starts_with(root.join(outside))
            {
                wrong.push(format!(
                    "{} depends on {to}, but nothing in {inside}/ may use {outside}/",
                    arrow.from
                ));
            }
        }
    }
    wrong
}

/// The step: crates that must not be there twice.
pub fn one_version() -> Result<String> {
    let path = workspace::root().join("Cargo.lock");
    let text =
        std::fs::read_to_string(&path).context("no Cargo.lock; run `cargo metadata` once")?;
    let lock: toml::Table = text.parse().context("Cargo.lock is no TOML")?;
    let packages = lock
        .get("package")
        .and_then(|value| value.as_array())
        .context("no packages in Cargo.lock")?;
    let mut found = Vec::new();
    for name in ONE_VERSION {
        let versions: Vec<&str> = packages
            .iter()
            .filter(|package| package.get("name").and_then(|n| n.as_str()) == Some(name))
            .filter_map(|package| package.get("version").and_then(|v| v.as_str()))
            .collect();
        match versions.as_slice() {
            [version] => found.push(format!("{name} {version}")),
            [] => {}
            many => bail!(
                "{name} is in Cargo.lock as {}: their types do not mix. `cargo tree -i {name}` shows who wants which",
                many.join(" and ")
            ),
        }
    }
    Ok(found.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[Allowed] = &[
        Allowed {
            package: "a",
            normal: &[],
            dev: &["b"],
        },
        Allowed {
            package: "b",
            normal: &["a"],
            dev: &[],
        },
    ];

    fn arrow(from: &str, to: &str, dev: bool) -> Arrow {
        let dir = |name: &str| {
            PathBuf::from("/r").join(if name == "b" {
                "device-model/b"
            } else {
                "guest-driver/a"
            })
        };
        Arrow {
            from: from.into(),
            to: to.into(),
            dev,
            from_dir: dir(from),
            to_dir: dir(to),
        }
    }

    fn wrong(arrows: &[Arrow]) -> Vec<String> {
        let names = ["a", "b"].map(str::to_owned).into();
        judge(&names, arrows, TABLE, Path::new("/r"))
    }

    #[test]
    fn allowed_arrows_pass_and_others_do_not() {
        assert!(wrong(&[arrow("b", "a", false), arrow("b", "a", true)]).is_empty());
        assert_eq!(wrong(&[arrow("b", "c", false)]), ["b may not depend on c"]);
    }

    #[test]
    fn walls_hold_for_tests_too() {
        let said = wrong(&[arrow("a", "b", true)]);
        assert_eq!(said.len(), 1);
        assert!(said[0].contains("nothing in guest-driver/"), "{said:?}");
        assert_eq!(wrong(&[arrow("a", "b", false)]).len(), 2);
    }

    #[test]
    fn unknown_packages_are_wrong() {
        let names = ["z"].map(str::to_owned).into();
        assert_eq!(
            judge(&names, &[], TABLE, Path::new("/r")),
            ["z is not in the table of arrows"]
        );
    }

    #[test]
    fn the_real_table_has_no_cycle_and_no_unknown_name() {
        // In an order in which every package comes after what it may use, there is no cycle.
        let mut left: Vec<&Allowed> = ARROWS.iter().collect();
        let mut done = BTreeSet::new();
        while !left.is_empty() {
            let before = left.len();
            left.retain(|row| {
                let ready = row.normal.iter().all(|name| done.contains(name));
                if ready {
                    done.insert(row.package);
                }
                !ready
            });
            let names: Vec<_> = left.iter().map(|row| row.package).collect();
            assert!(
                left.len() < before,
                "a cycle or an unknown name among {names:?}"
            );
        }
    }
}
