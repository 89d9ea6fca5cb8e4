//! `hashwalk emit`: the Verilog of a configuration, its file list, and its ports and parameters in Markdown.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use hashwalk_hdl::Design;
use hashwalk_rtl::{generate, generate_axi, generate_soc, generate_update};
use hashwalk_spec::Config;

use crate::cli::Top;
use crate::soc::can_have_core;
use crate::whole_file;

/// Writes all files of a top of a configuration into `folder`, which is made if it is not there. Each file is complete
/// or not there at all.
///
/// # Errors
/// The folder or a file cannot be written, or the processor is not for this configuration.
pub fn emit(config: &Config, top: Top, folder: &Path) -> Result<Vec<PathBuf>> {
    let design = match top {
        Top::Mmu => generate(config),
        Top::Axi => generate_axi(config),
        Top::Update => generate_update(config),
        Top::Soc => {
            can_have_core(config)?;
            generate_soc(config)
        }
    };
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let mut files: Vec<(String, String)> =
        design.files.iter().map(|file| (file.name.clone(), file.text.clone())).collect();
    files.push(("files.f".into(), design.files.iter().map(|file| format!("{}\n", file.name)).collect()));
    files.push(("ports.md".into(), describe(config, top, &design)));
    files.into_iter().map(|(name, text)| write(folder, &name, &text)).collect()
}

fn write(folder: &Path, name: &str, text: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    whole_file::write(&path, text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// The contract, in which each port has a row.
const CONTRACT: &str = include_str!("../../docs/spec.md");

/// What the contract says of a port; empty where its row says it of another port that it goes with.
fn meaning(port: &str) -> &'static str {
    let row = CONTRACT.lines().find(|line| line.starts_with("| `") && line.contains(&format!("`{port}`")));
    row.and_then(|row| row.split('|').nth(4)).map_or("", str::trim)
}

fn describe(config: &Config, top: Top, design: &Design) -> String {
    let mut text = format!("# `{}`, configuration `{}`\n\n", design.top, config.name());
    text.push_str("| parameter | value |\n| --------- | ----: |\n");
    let parameters = [
        ("tlb_entries", config.tlb_entries().to_string()),
        ("format", config.format().to_string()),
        ("ways", config.ways().to_string()),
        ("bus_bits", config.bus_bits().to_string()),
        ("hit_cycles", config.hit_cycles().to_string()),
        ("max_steps", config.max_steps().to_string()),
        ("hash", config.hash().to_string()),
    ];
    for (name, value) in parameters {
        let _ = writeln!(text, "| `{name}` | {value} |");
    }
    text.push_str("\n| port | direction | bits | meaning |\n| ---- | --------- | ---: | ------- |\n");
    for (direction, ports) in [("in", &design.inputs), ("out", &design.outputs)] {
        for port in ports {
            let meaning = match port.name.as_str() {
                "clock" => "the rising edge counts",
                "reset" => "synchronous, active high",
                name if name.starts_with("m_axi_") => "AXI4, to the memory that holds the table",
                name if name.starts_with("s_axil_") => "AXI4-Lite, to software (docs/registers.md)",
                name if name.starts_with("update_") || name.starts_with("result_") => {
                    "compare and set of a word (rtl/src/axi/compare_and_set.rs)"
                }
                name if top == Top::Soc && ["fetch_", "data_", "core_"].iter().any(|core| name.starts_with(core)) => {
                    "the core's (rtl/src/soc/port.rs)"
                }
                name if top == Top::Soc
                    && ["ram_", "load_", "console_", "exit_", "timer"].iter().any(|own| name.starts_with(own)) =>
                {
                    "of the system (rtl/src/soc/mod.rs)"
                }
                "miss_interrupt" => "a level: software is asked to serve a miss",
                "fault_interrupt" => "a level: the first fault is recorded",
                name => meaning(name),
            };
            let _ = writeln!(text, "| `{}` | {direction} | {} | {meaning} |", port.name, port.width);
        }
    }
    text.push_str("\nA section number is one of Hashwalk's docs/spec.md, which is the contract of these ports.\n");
    text
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_is_emitted_can_be_read_like_any_new_file() {
        let folder = tempfile::tempdir().unwrap();
        let plain = folder.path().join("plain");
        std::fs::write(&plain, "").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
        let files = emit(&Config::preset("tiny").unwrap(), Top::Mmu, folder.path()).unwrap();
        assert!(files.len() > 2 && files.iter().all(|file| mode(file) == mode(&plain)), "{files:?}");
    }
}
