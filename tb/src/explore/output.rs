//! What a study gives back, and how it comes into files: whole or not at all.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use crate::report::plain_table;
use crate::whole_file;

/// What a study has found.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What it shows, in one sentence made from the measured numbers.
    pub finding: String,
    /// What is printed.
    pub figures: Vec<Figures>,
    /// CSV files: the name and the text.
    pub csv: Vec<(String, Vec<u8>)>,
    /// Plots: the name and the SVG text.
    pub plots: Vec<(String, String)>,
}

/// A table of text: the first column names the row, the others hold numbers.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// What the table shows.
    pub caption: String,
    /// What the columns are.
    pub header: Vec<String>,
    /// The rows, as long as the header.
    pub rows: Vec<Vec<String>>,
}

impl Figures {
    /// No row yet.
    #[must_use]
    pub fn new<const N: usize>(caption: impl Into<String>, header: [&str; N]) -> Figures {
        Figures { caption: caption.into(), header: header.map(String::from).to_vec(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        debug_assert_eq!(N, self.header.len());
        self.rows.push(cells.to_vec());
    }

    /// The table for a terminal.
    #[must_use]
    pub fn table(&self) -> Table {
        let mut table = plain_table();
        table.set_header(&self.header);
        self.rows.iter().for_each(|row| _ = table.add_row(row));
        table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
        table
    }
}

/// Rows as CSV, the fields' names above.
///
/// # Errors
/// A row cannot be flattened into columns.
pub fn csv<Row: Serialize>(rows: &[Row]) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    rows.iter().try_for_each(|row| writer.serialize(row))?;
    Ok(writer.into_inner()?)
}

/// A folder that can be written to.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes the folder if it is not there, and tries it out: whoever waits for a study should not learn at its end that
    /// nothing can be kept.
    ///
    /// # Errors
    /// It cannot be made or written to.
    pub fn open(path: &Path) -> Result<Folder> {
        std::fs::create_dir_all(path).with_context(|| format!("cannot make the folder {}", path.display()))?;
        let cannot = || format!("cannot write into {}", path.display());
        whole_file::beside(&path.join("explore")).with_context(cannot)?;
        Ok(Folder { path: path.into() })
    }

    /// Writes a file; no reader ever sees a half of it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let path = self.path.join(name);
        whole_file::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}
