//! The configuration: what is fixed when the hardware is generated and the machine is laid out.

use crate::entry::{ENTRY_BYTES, MIN_TABLE_LOG2};
use crate::format::{Format, WAYS};
use crate::radix;
use crate::transaction::Invalidation;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;
use thiserror::Error;

/// The hash functions (docs/spec.md, section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hash {
    /// Three rounds under a key of 128 bits.
    Keyed,
    /// A plain xor of the page number's halves and the ASID.
    Fold,
    /// The ASID alone: every page of a process shares a chain.
    Asid,
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Hash::Keyed => "keyed",
            Hash::Fold => "fold",
            Hash::Asid => "asid",
        })
    }
}

/// Who keeps the PTEs' marks A and D (docs/spec.md, section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Marking {
    /// Software; the hardware does not look at them.
    Software,
    /// Software; an access that lacks one is the fault [`crate::Fault::Unmarked`].
    Fault,
    /// The walker sets what an access lacks, by an atomic compare-and-set.
    Update,
}

impl Marking {
    /// Whether the hardware looks at A and D.
    #[must_use]
    pub fn is_checked(self) -> bool {
        self != Marking::Software
    }
}

impl fmt::Display for Marking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Marking::Software => "software",
            Marking::Fault => "fault",
            Marking::Update => "update",
        })
    }
}

/// What a configuration says, unchecked. A TOML file holds these fields; those that it leaves out have the values of
/// the preset `default`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// A name for reports and folders: 1 to 32 letters, digits, `-` or `_`.
    pub name: String,
    /// Entries of the first level of the TLB: 4 to 64.
    pub tlb_entries: u32,
    /// Entries of the second level of the TLB: 0 (none), or a power of two from 64 to 16,384.
    pub l2_entries: u32,
    /// Entries of a set of the second level: 2, 4 or 8.
    pub l2_ways: u32,
    /// The page table's format.
    pub format: Format,
    /// Ways of a table of the format [`Format::Cuckoo`]: 2 to 4. The other formats have no ways.
    pub ways: u32,
    /// Bits of the memory port's data: 64, 128, 256 or, with elements of 64 bytes, 512.
    pub bus_bits: u32,
    /// Cycles from the acceptance of a request to the answer of a hit: 1 or 2. With 2, still one lookup is accepted in
    /// each, and misses have more stages too (docs/timing.md), so that the clock is faster.
    pub hit_cycles: u32,
    /// Walks that may be under way at a time: 1 to 8.
    pub walks: u32,
    /// Entries of the predictor of page sizes: 0 (none), 8, 16, 32 or 64.
    pub predictor_entries: u32,
    /// Entries of the walk cache, which only [`Format::Radix`] has: 0 (none), or 4 to 32.
    pub walk_cache_entries: u32,
    /// Probes that one search may make along a chain or down a balanced tree: 1 to 65,535.
    pub max_steps: u32,
    /// The hash function.
    pub hash: Hash,
    /// Who keeps the marks A and D.
    pub marks: Marking,
    /// Whether entries of [`Format::Chained`] have a sequence number, so that memory may give each of their words as of
    /// a moment of its own. The other formats have none.
    pub sequence: bool,
    /// Frames of 4 KiB in physical memory: a power of two from 128 to 1,048,576, with [`Format::Radix`] from 1,024 on.
    pub frames: u64,
    /// Entries of 32 bytes, half lines, anchors or buckets of the page table for each frame: 1, 2, 4 or 8. It has no
    /// effect in the format [`Format::Radix`].
    pub entries_per_frame: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            name: "default".into(),
            tlb_entries: 32,
            l2_entries: 1024,
            l2_ways: 4,
            format: Format::Line,
            ways: 3,
            bus_bits: 512,
            hit_cycles: 1,
            walks: 4,
            predictor_entries: 16,
            walk_cache_entries: 16,
            max_steps: 64,
            hash: Hash::Keyed,
            marks: Marking::Software,
            sequence: false,
            frames: 1 << 16,
            entries_per_frame: 1,
        }
    }
}

/// Why a configuration is refused.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// A field is out of its range.
    #[error("{field} = {value} is not legal: it must be {legal}")]
    Field {
        /// The field's name, as in the TOML file.
        field: &'static str,
        /// What it was set to.
        value: String,
        /// The legal range, in words.
        legal: &'static str,
    },
    /// The text is no TOML, or has a field that does not exist or is of the wrong type.
    #[error("line {line}: {message}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// Neither a preset nor a readable file.
    #[error("{name} is neither a preset ({}) nor a file that can be read: {error}", Config::PRESETS.join(", "))]
    Unreadable {
        /// What was asked for.
        name: String,
        /// What the operating system said.
        error: std::io::Error,
    },
    /// A file that was read is not a legal configuration.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: String,
        /// What is wrong in it.
        error: Box<ConfigError>,
    },
}

/// A legal configuration: checked once, when it is made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Config(Settings);

impl Config {
    /// The names of the presets.
    pub const PRESETS: [&'static str; 3] = ["tiny", "default", "large"];

    /// Checks the settings.
    ///
    /// # Errors
    /// [`ConfigError::Field`] names the first field that is out of its range, and the range.
    pub fn new(settings: Settings) -> Result<Config, ConfigError> {
        let s = &settings;
        let name_is_plain = s.name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        let element_bits = 8 * s.format.element_bytes() as u32;
        let checks: [(bool, &'static str, &dyn fmt::Display, &'static str); 17] = [
            (
                (1..=32).contains(&s.name.len()) && name_is_plain,
                "name",
                &format!("{:?}", s.name),
                "1 to 32 letters, digits, - or _",
            ),
            ((4..=64).contains(&s.tlb_entries), "tlb_entries", &s.tlb_entries, "from 4 to 64"),
            (
                s.l2_entries == 0 || (s.l2_entries.is_power_of_two() && (64..=16_384).contains(&s.l2_entries)),
                "l2_entries",
                &s.l2_entries,
                "0, or a power of two from 64 to 16384",
            ),
            ([2, 4, 8].contains(&s.l2_ways), "l2_ways", &s.l2_ways, "2, 4 or 8"),
            ([64, 128, 256, 512].contains(&s.bus_bits), "bus_bits", &s.bus_bits, "64, 128, 256 or 512"),
            (s.bus_bits <= element_bits, "bus_bits", &s.bus_bits, "at most 256 with elements of 32 bytes"),
            (WAYS.contains(&s.ways), "ways", &s.ways, "from 2 to 4"),
            ((1..=2).contains(&s.hit_cycles), "hit_cycles", &s.hit_cycles, "1 or 2"),
            ((1..=8).contains(&s.walks), "walks", &s.walks, "from 1 to 8"),
            (
                [0, 8, 16, 32, 64].contains(&s.predictor_entries),
                "predictor_entries",
                &s.predictor_entries,
                "0, 8, 16, 32 or 64",
            ),
            (
                s.walk_cache_entries == 0 || (4..=32).contains(&s.walk_cache_entries),
                "walk_cache_entries",
                &s.walk_cache_entries,
                "0, or from 4 to 32",
            ),
            ((1..=65_535).contains(&s.max_steps), "max_steps", &s.max_steps, "from 1 to 65535"),
            (
                !(s.marks == Marking::Update && s.format.links_by_address()),
                "marks",
                &s.marks,
                "software or fault with inverted, tree or radix, whose nodes may be something else when they are written",
            ),
            (
                !s.sequence || s.format == Format::Chained,
                "sequence",
                &s.sequence,
                "false but with chained: elsewhere elements have no place for a number, or are not read again",
            ),
            (
                s.frames.is_power_of_two() && (1 << MIN_TABLE_LOG2..=1 << 20).contains(&s.frames),
                "frames",
                &s.frames,
                "a power of two from 128 to 1048576",
            ),
            (s.frames >= s.format.min_frames(), "frames", &s.frames, "at least 1024 with radix"),
            ([1, 2, 4, 8].contains(&s.entries_per_frame), "entries_per_frame", &s.entries_per_frame, "1, 2, 4 or 8"),
        ];
        for (holds, field, value, legal) in checks {
            if !holds {
                return Err(ConfigError::Field { field, value: value.to_string(), legal });
            }
        }
        Ok(Config(settings))
    }

    /// A preset by its name: `tiny`, `default` or `large`.
    #[must_use]
    pub fn preset(name: &str) -> Option<Config> {
        let default = Settings::default();
        let settings = match name {
            "tiny" => Settings {
                name: "tiny".into(),
                tlb_entries: 4,
                l2_entries: 0,
                // An entry is half a line, with one page to compare.
                format: Format::Chained,
                bus_bits: 64,
                walks: 1,
                predictor_entries: 0,
                max_steps: 16,
                frames: 1 << 10,
                ..default
            },
            "default" => default,
            "large" => Settings {
                name: "large".into(),
                tlb_entries: 64,
                l2_entries: 4096,
                walks: 8,
                predictor_entries: 64,
                max_steps: 256,
                frames: 1 << 18,
                entries_per_frame: 2,
                ..default
            },
            _ => return None,
        };
        Some(Config::new(settings).expect("presets are legal"))
    }

    /// Reads a configuration in TOML.
    ///
    /// # Errors
    /// The text is not TOML, has an unknown field, or a field out of its range.
    pub fn from_toml(text: &str) -> Result<Config, ConfigError> {
        let settings = toml::from_str(text).map_err(|error| {
            let before = error.span().map_or("", |span| &text[..span.start]);
            ConfigError::Syntax { line: before.matches('\n').count() + 1, message: error.message().replace('\n', " ") }
        })?;
        Config::new(settings)
    }

    /// A preset, or else a TOML file.
    ///
    /// # Errors
    /// There is no such preset or file, or the file holds no legal configuration.
    pub fn load(preset_or_path: &str) -> Result<Config, ConfigError> {
        if let Some(config) = Config::preset(preset_or_path) {
            return Ok(config);
        }
        let text = std::fs::read_to_string(Path::new(preset_or_path))
            .map_err(|error| ConfigError::Unreadable { name: preset_or_path.into(), error })?;
        Config::from_toml(&text)
            .map_err(|error| ConfigError::File { path: preset_or_path.into(), error: Box::new(error) })
    }

    /// The settings that were checked.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0
    }

    /// A name for reports and folders.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Entries of the TLB: 4 to 64.
    #[must_use]
    pub fn tlb_entries(&self) -> u32 {
        self.0.tlb_entries
    }

    /// Sets of the second level of the TLB, 0 if there is none.
    #[must_use]
    pub fn l2_sets(&self) -> u32 {
        self.0.l2_entries / self.0.l2_ways
    }

    /// Entries of a set of the second level.
    #[must_use]
    pub fn l2_ways(&self) -> u32 {
        self.0.l2_ways
    }

    /// Cycles from the acceptance of an invalidation to its completion: 2 and those of a hit, or with a second level 3,
    /// those of a hit and one for each step of its sweep: by address the sets of 4 KiB pages, then those of the larger
    /// ones, else all sets.
    #[must_use]
    pub fn invalidation_cycles(&self, invalidation: Invalidation) -> u64 {
        let cycles = match invalidation {
            _ if self.l2_sets() == 0 => 2 + self.hit_cycles(),
            Invalidation::All | Invalidation::Asid(_) => 3 + self.hit_cycles() + self.l2_sets(),
            Invalidation::Address(_) | Invalidation::AddressInAsid(..) => 3 + self.hit_cycles() + 2,
        };
        cycles.into()
    }

    /// The page table's format.
    #[must_use]
    pub fn format(&self) -> Format {
        self.0.format
    }

    /// Places that a page may stand in: 2 to 4 in the format [`Format::Cuckoo`], else 1.
    #[must_use]
    pub fn ways(&self) -> u32 {
        if self.0.format == Format::Cuckoo { self.0.ways } else { 1 }
    }

    /// Bits of the memory port's data: 64, 128, 256 or 512.
    #[must_use]
    pub fn bus_bits(&self) -> u32 {
        self.0.bus_bits
    }

    /// Bits of what one probe reads.
    #[must_use]
    pub fn element_bits(&self) -> u32 {
        8 * self.0.format.element_bytes() as u32
    }

    /// Beats in which an element crosses the memory port: 8, 4, 2 or 1.
    #[must_use]
    pub fn beats(&self) -> u32 {
        self.element_bits() / self.0.bus_bits
    }

    /// Cycles from the acceptance of a request to the answer of a hit: 1 or 2.
    #[must_use]
    pub fn hit_cycles(&self) -> u32 {
        self.0.hit_cycles
    }

    /// Whether a hit takes two cycles: then all that is late has a stage of its own.
    #[must_use]
    pub fn has_two_hit_cycles(&self) -> bool {
        self.hit_cycles() == 2
    }

    /// Walks that may be under way at a time: 1 to 8.
    #[must_use]
    pub fn walks(&self) -> u32 {
        self.0.walks
    }

    /// Entries of the predictor of page sizes, 0 if there is none: a radix tree is searched for all sizes at once.
    #[must_use]
    pub fn predictor_entries(&self) -> u32 {
        if self.0.format == Format::Radix { 0 } else { self.0.predictor_entries }
    }

    /// Links that the walk cache keeps, 0 if there is none: only a radix tree has nodes on the way that many walks
    /// share.
    #[must_use]
    pub fn walk_cache_entries(&self) -> u32 {
        if self.0.format == Format::Radix { self.0.walk_cache_entries } else { 0 }
    }

    /// Bits of the number of a walk: 1 to 3.
    #[must_use]
    pub fn walk_id_bits(&self) -> u32 {
        self.0.walks.next_power_of_two().ilog2().max(1)
    }

    /// Probes that one search may make: 1 to 65,535. It has no effect in the formats [`Format::Cuckoo`]
    /// and [`Format::Radix`].
    #[must_use]
    pub fn max_steps(&self) -> u32 {
        self.0.max_steps
    }

    /// The hash function.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.0.hash
    }

    /// Who keeps the marks A and D.
    #[must_use]
    pub fn marks(&self) -> Marking {
        self.0.marks
    }

    /// Whether entries have a sequence number, so that memory may give each word of 8 bytes as of a moment of its own:
    /// only in the format [`Format::Chained`].
    #[must_use]
    pub fn sequence(&self) -> bool {
        self.0.sequence
    }

    /// Frames of 4 KiB in physical memory.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.0.frames
    }

    /// log2 of the length of the page table's array, in elements, anchors or buckets: 6 to 23. In the format
    /// [`Format::Radix`], whose directory has a word for each ASID, it is 16.
    #[must_use]
    pub fn table_log2(&self) -> u32 {
        let entries = self.0.frames * self.0.entries_per_frame;
        let length = match self.0.format {
            Format::Line => entries * ENTRY_BYTES / Format::Line.element_bytes(),
            Format::Chained | Format::Cuckoo | Format::Inverted | Format::Tree => entries,
            Format::Radix => 1 << radix::DIRECTORY_LOG2,
        };
        length.ilog2().max(self.0.format.min_table_log2())
    }

    /// Bytes of the page table's array. Nodes, and the entries of an inverted table, are not part of it.
    #[must_use]
    pub fn table_bytes(&self) -> u64 {
        1 << (self.table_log2() + self.0.format.stride_log2())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_found_by_their_names() {
        for name in Config::PRESETS {
            assert_eq!(Config::preset(name).unwrap().name(), name);
        }
        assert_eq!(Config::preset("huge"), None);
        assert_eq!(Config::preset("default").unwrap().table_bytes(), 2 << 20);
    }

    #[test]
    fn a_field_out_of_range_is_named_with_the_range() {
        let message = |text: &str| Config::from_toml(text).unwrap_err().to_string();
        assert_eq!(message("tlb_entries = 3"), "tlb_entries = 3 is not legal: it must be from 4 to 64");
        assert_eq!(
            message("l2_entries = 96"),
            "l2_entries = 96 is not legal: it must be 0, or a power of two from 64 to 16384"
        );
        assert_eq!(message("l2_ways = 3"), "l2_ways = 3 is not legal: it must be 2, 4 or 8");
        assert_eq!(message("bus_bits = 100"), "bus_bits = 100 is not legal: it must be 64, 128, 256 or 512");
        assert_eq!(
            message("format = 'chained'\nbus_bits = 512"),
            "bus_bits = 512 is not legal: it must be at most 256 with elements of 32 bytes"
        );
        assert_eq!(
            message("format = 'cuckoo'\nbus_bits = 256\nways = 5"),
            "ways = 5 is not legal: it must be from 2 to 4"
        );
        assert_eq!(
            message("walk_cache_entries = 3"),
            "walk_cache_entries = 3 is not legal: it must be 0, or from 4 to 32"
        );
        assert_eq!(message("max_steps = 0"), "max_steps = 0 is not legal: it must be from 1 to 65535");
        assert_eq!(
            message("frames = 1000"),
            "frames = 1000 is not legal: it must be a power of two from 128 to 1048576"
        );
        assert_eq!(
            message("format = 'radix'\nbus_bits = 256\nframes = 512"),
            "frames = 512 is not legal: it must be at least 1024 with radix"
        );
        assert_eq!(
            message("format = 'tree'\nbus_bits = 256\nmarks = 'update'"),
            "marks = update is not legal: it must be software or fault with inverted, tree or radix, whose nodes may be \
             something else when they are written"
        );
        for format in Format::ALL.into_iter().filter(|format| *format != Format::Chained) {
            let refused = message(&format!("format = '{format}'\nbus_bits = 256\nsequence = true"));
            assert!(
                refused.starts_with("sequence = true is not legal: it must be false but with chained"),
                "{refused}"
            );
        }
        assert_eq!(message("entries_per_frame = 3"), "entries_per_frame = 3 is not legal: it must be 1, 2, 4 or 8");
        assert_eq!(message("name = 'a/b'"), "name = \"a/b\" is not legal: it must be 1 to 32 letters, digits, - or _");
    }

    #[test]
    fn the_array_is_as_long_as_the_format_and_the_memory_say() {
        let sizes = |frames| {
            Format::ALL.map(|format| {
                let config = Config::new(Settings { format, bus_bits: 64, frames, ..Settings::default() }).unwrap();
                (config.table_log2(), config.table_bytes())
            })
        };
        let (entries, words) = ((16, 1 << 21), (16, 1 << 19));
        assert_eq!(sizes(1 << 16), [(15, 1 << 21), entries, entries, words, words, words]);
        assert_eq!(sizes(1 << 10)[3..], [(10, 1 << 13), (10, 1 << 13), words]);
        let smallest = Settings { format: Format::Tree, frames: 128, ..Settings::default() };
        assert_eq!(Config::new(smallest).unwrap().table_log2(), 9);
    }

    #[test]
    fn an_unknown_field_is_an_error_that_lists_the_fields() {
        let message = Config::from_toml("name = 'mine'\ntlb_size = 8").unwrap_err().to_string();
        assert!(
            message.starts_with("line 2: unknown field `tlb_size`") && message.contains("tlb_entries"),
            "{message}"
        );
    }

    #[test]
    fn a_file_is_read_and_the_rest_defaults() {
        let config = Config::from_toml("name = 'odd'\ntlb_entries = 5\nhash = 'fold'").unwrap();
        assert_eq!((config.tlb_entries(), config.hash(), config.bus_bits()), (5, Hash::Fold, 512));
        assert_eq!(config.marks(), Marking::Software);
        assert_eq!(Config::from_toml("marks = 'update'").unwrap().marks(), Marking::Update);
        let both = "format = 'chained'\nbus_bits = 64\nsequence = true\nmarks = 'update'";
        assert!(Config::from_toml(both).unwrap().sequence() && !config.sequence());
    }

    #[test]
    fn a_missing_file_lists_the_presets() {
        let message = Config::load("/nonexistent.toml").unwrap_err().to_string();
        assert!(message.contains("tiny, default, large"), "{message}");
    }
}
