//! Breaks the hardware on purpose, one place at a time, and shows that the tests notice: `make mutants`.
//!
//! Each mutation of tb/mutations.toml is made in a copy of the source under target/mutations, and the test that it names
//! is run there. The mutation is killed if that test fails. Exit code 1 if one survives. Arguments select mutations by
//! a part of their name.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

#[derive(Deserialize)]
struct Mutations {
    mutation: Vec<Mutation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutation {
    name: String,
    file: PathBuf,
    find: String,
    replace: String,
    /// The test that must fail, as `file::test`, or `package/file::test` of another package than `hashwalk`.
    killed_by: String,
}

fn main() -> ExitCode {
    run().unwrap_or_else(|error| {
        eprintln!("mutate: {error:#}");
        ExitCode::from(2)
    })
}

fn run() -> Result<ExitCode> {
    let root = workspace()?;
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let mut mutations = listed(root)?;
    mutations.retain(|mutation| wanted.is_empty() || wanted.iter().any(|part| mutation.name.contains(part)));
    if mutations.is_empty() {
        bail!("no mutation is named like {wanted:?}");
    }

    let tree = copy(root)?;
    let mut survivors = 0;
    for (number, mutation) in mutations.iter().enumerate() {
        let killed = try_one(root, &tree, mutation).with_context(|| format!("mutation {:?}", mutation.name))?;
        survivors += u32::from(!killed);
        let outcome = if killed { "killed by" } else { "SURVIVED" };
        println!("{}/{} {}: {outcome} {}", number + 1, mutations.len(), mutation.name, mutation.killed_by);
    }
    println!("{} mutations, {survivors} survived", mutations.len());
    Ok(if survivors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn workspace() -> Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the workspace")
}

fn listed(root: &Path) -> Result<Vec<Mutation>> {
    let text = std::fs::read_to_string(root.join("tb/mutations.toml")).context("tb/mutations.toml")?;
    Ok(toml::from_str::<Mutations>(&text)?.mutation)
}

/// The file as it is, and with the mutation.
fn mutated(root: &Path, mutation: &Mutation) -> Result<(String, String)> {
    let original = std::fs::read_to_string(root.join(&mutation.file))?;
    if original.matches(&mutation.find).count() != 1 {
        bail!("{:?} does not stand exactly once in {}", mutation.find, mutation.file.display());
    }
    let mutated = original.replace(&mutation.find, &mutation.replace);
    Ok((original, mutated))
}

/// Copies what git tracks, so that the source itself is never touched.
fn copy(root: &Path) -> Result<PathBuf> {
    let tree = root.join("target/mutations/tree");
    let listed = Command::new("git").arg("ls-files").current_dir(root).output().context("git ls-files")?;
    for file in String::from_utf8(listed.stdout)?.lines() {
        let (from, to) = (root.join(file), tree.join(file));
        // Untouched files keep their time stamps, and cargo its builds of them.
        if std::fs::read(&from).ok() != std::fs::read(&to).ok() {
            std::fs::create_dir_all(to.parent().context("a file has a folder")?)?;
            std::fs::copy(&from, &to).with_context(|| format!("cannot copy {file}"))?;
        }
    }
    Ok(tree)
}

/// Whether the mutation's test fails on the mutated source.
fn try_one(root: &Path, tree: &Path, mutation: &Mutation) -> Result<bool> {
    let path = tree.join(&mutation.file);
    let (original, mutated) = mutated(root, mutation)?;
    std::fs::write(&path, mutated)?;
    let (package, test) = mutation.killed_by.split_once('/').unwrap_or(("hashwalk", &mutation.killed_by));
    let (file, test) = test.split_once("::").context("killed_by is file::test")?;
    let output = Command::new(env!("CARGO"))
        .args(["test", "--release", "--package", package, "--test", file, "--", "--exact", test])
        .current_dir(tree)
        .env("CARGO_TARGET_DIR", root.join("target/mutations/target"))
        .env("HASHWALK_TOOLS", root.join(".tools"))
        .output()
        .context("cargo test");
    std::fs::write(&path, original)?;
    let said = String::from_utf8_lossy(&output?.stdout).into_owned();
    // A test that was not run, or a mutation that does not compile, proves nothing.
    match said.lines().rev().find(|line| line.starts_with("test result:")) {
        Some(line) if line.contains("1 failed") => Ok(true),
        Some(line) if line.contains("1 passed") => Ok(false),
        _ => bail!("the test {} was not run:\n{said}", mutation.killed_by),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Else a change of the source leaves a mutation behind that nobody misses for hours.
    #[test]
    fn each_mutation_changes_one_place_of_the_source_as_it_is() {
        let root = workspace().unwrap();
        let mutations = listed(root).unwrap();
        assert!(!mutations.is_empty());
        for mutation in &mutations {
            let (original, mutated) =
                mutated(root, mutation).unwrap_or_else(|error| panic!("{}: {error}", mutation.name));
            assert_ne!(original, mutated, "{}", mutation.name);
        }
    }
}
