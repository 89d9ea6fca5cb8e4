//! Machine code as the linker leaves it: parts with their places and rights, and symbols.

use std::collections::BTreeMap;

use hashwalk_spec::Rights;
use object::elf::{PF_R, PF_W, PF_X};
use object::{Object, ObjectSegment, ObjectSymbol, SegmentFlags};

use super::SocError;

/// A program or a kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// What it is called.
    pub name: String,
    /// Where it begins.
    pub entry: u32,
    /// What is loaded.
    pub parts: Vec<Part>,
    /// Where its symbols stand.
    pub symbols: BTreeMap<String, u32>,
}

/// A part that is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its first byte.
    pub address: u32,
    /// What it begins with.
    pub bytes: Vec<u8>,
    /// Its length; zeros follow the bytes.
    pub length: u32,
    /// R, W and X.
    pub rights: Rights,
}

impl Image {
    /// Reads an ELF file.
    ///
    /// # Errors
    /// [`SocError::Image`]: it is none, or none for 32 bits.
    pub fn parse(name: &str, file: &[u8]) -> Result<Image, SocError> {
        let wrong = |reason: String| SocError::Image { what: name.into(), reason };
        let elf = object::File::parse(file).map_err(|error| wrong(error.to_string()))?;
        if elf.is_64() || elf.architecture() != object::Architecture::Riscv32 {
            return Err(wrong("it is not for RV32".into()));
        }
        let mut parts = Vec::new();
        for segment in elf.segments() {
            let SegmentFlags::Elf { p_flags, .. } = segment.flags() else { continue };
            let bytes = segment.data().map_err(|error| wrong(error.to_string()))?.to_vec();
            let right = |flag: u32, right: Rights| if p_flags & flag != 0 { right } else { Rights::NONE };
            parts.push(Part {
                address: segment.address() as u32,
                bytes,
                length: segment.size() as u32,
                rights: right(PF_R, Rights::R).with(right(PF_W, Rights::W)).with(right(PF_X, Rights::X)),
            });
        }
        let symbols =
            elf.symbols().filter_map(|symbol| Some((symbol.name().ok()?.to_owned(), symbol.address() as u32)));
        Ok(Image { name: name.into(), entry: elf.entry() as u32, parts, symbols: symbols.collect() })
    }
}
