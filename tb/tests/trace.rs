//! Traces from outside the library: files good and broken, the shipped traces, and recording.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hashwalk::trace::{
    Footprint, Kind, Progress, Reader, RecordError, RecordOptions, Recording, Reference, Summary, TraceError, header,
    record, survey,
};
use tempfile::TempDir;

const TEXT: &str =
    "==7== Lackey\n\n==hashwalk== command: true\nI  04001000,3\n L 1ffeffe7e,8\n S 04002ffc,8\n M 04005000,4";

fn references() -> Vec<Reference> {
    let reference = |kind, address, bytes| Reference { kind, address, bytes };
    vec![
        reference(Kind::Fetch, 0x0400_1000, 3),
        reference(Kind::Load, 0x1_ffef_fe7e, 8),
        reference(Kind::Store, 0x0400_2ffc, 8),
        reference(Kind::Modify, 0x0400_5000, 4),
    ]
}

/// A folder and a file in it with this content.
fn file(content: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("t");
    fs::write(&path, content).expect("a temporary file");
    (folder, path)
}

fn compressed(text: &[u8]) -> Vec<u8> {
    zstd::encode_all(text, 3).expect("compression in memory")
}

fn read(path: &Path) -> Result<Vec<Reference>, TraceError> {
    Reader::open(path)?.collect()
}

/// The error of a file with this content.
fn error_of(content: impl AsRef<[u8]>) -> TraceError {
    let (_folder, path) = file(content);
    let mut reader = Reader::open(&path).expect("a file that opens");
    let error = reader.find_map(Result::err).expect("an error");
    assert!(reader.next().is_none(), "an error is the last item");
    let message = error.to_string();
    assert!(message.contains(path.to_str().expect("UTF-8")) && !message.contains('\n'), "{message}");
    error
}

// Reading.

#[test]
fn plain_and_zstd_read_alike() {
    for content in [TEXT.as_bytes().to_vec(), compressed(TEXT.as_bytes())] {
        let (_folder, path) = file(content);
        assert_eq!(read(&path).expect("a good trace"), references());
        assert_eq!(header(&path).as_deref(), Some("true"));
    }
}

#[test]
fn zstd_frames_may_follow_each_other() {
    let (_folder, path) = file([compressed(b"I  1,1\n"), compressed(b"I  2,2\n")].concat());
    assert_eq!(read(&path).expect("a good trace").len(), 2);
}

#[test]
fn lines_survive_the_ends_of_the_buffer() {
    let text: String = (0..200_000).map(|address| format!(" L {address:x},{}\n", address % 9 + 1)).collect();
    let (_folder, path) = file(&text);
    let lines: Vec<String> =
        read(&path).expect("a good trace").iter().map(|r| format!(" L {:x},{}\n", r.address, r.bytes)).collect();
    assert_eq!(lines.concat(), text);
}

#[test]
fn header_is_absent_without_a_recorder() {
    let (_folder, path) = file("==7== Lackey\nI  1,1\n==hashwalk== command: late\n");
    assert_eq!(header(&path), None);
    assert_eq!(header("/nonexistent"), None);
}

#[test]
fn missing_file_and_folder_are_errors() {
    let missing = read("/nonexistent/t".as_ref()).expect_err("no file");
    assert!(matches!(missing, TraceError::Open { .. }) && missing.to_string().contains("/nonexistent/t"), "{missing}");
    let folder = read("/".as_ref()).expect_err("a folder");
    assert!(matches!(folder, TraceError::Read { .. }), "{folder}");
}

#[test]
fn trace_without_a_reference_is_an_error() {
    for content in [&b""[..], b"\n\n", b"==1== Lackey\n", &compressed(b"")] {
        assert!(matches!(error_of(content), TraceError::Empty { .. }));
    }
}

#[test]
fn broken_line_is_named_by_number() {
    for content in [b"I  1,1\n\nI  2;2\n".to_vec(), compressed(b"I  1,1\n\nI  2;2\n")] {
        let error = error_of(content);
        assert!(matches!(error, TraceError::Line { line: 3, .. }));
        let expected = "line 3: expected 1 to 16 hexadecimal digits and a comma after the kind, found \"I  2;2\"";
        assert!(error.to_string().ends_with(expected), "{error}");
    }
}

#[test]
fn wrong_sizes_and_ends_are_errors() {
    for line in [" L 10,0", " L 10,4097", " L 10,99999", " L 10,", " L ffffffffffffffff,2", " L 11111111111111111,1"] {
        assert!(matches!(error_of(line), TraceError::Line { line: 1, .. }), "{line}");
    }
}

#[test]
fn wild_text_is_cut_and_escaped() {
    for content in [vec![0xff; 1000], vec![b'x'; 1 << 20], b"\x1b[2J\0".repeat(100)] {
        let message = error_of(content).to_string();
        assert!(message.len() < 700 && !message.contains(char::is_control), "{message}");
    }
}

#[test]
fn truncated_zstd_is_an_error() {
    let whole = compressed(TEXT.as_bytes());
    for length in 4..whole.len() {
        assert!(matches!(error_of(&whole[..length]), TraceError::Zstd { .. }), "{length} of {} bytes", whole.len());
    }
}

#[test]
fn corrupt_zstd_is_an_error() {
    let shipped = fs::read(shipped("gzip")).expect("a shipped trace");
    for position in [5, shipped.len() / 2, shipped.len() - 2] {
        let mut broken = shipped.clone();
        broken[position] ^= 0x55;
        let (_folder, path) = file(&broken);
        let error = read(&path).expect_err("a broken trace");
        // Where the damage shows as wrong text first, that is the error.
        assert!(matches!(error, TraceError::Zstd { .. } | TraceError::Line { .. }), "{error}");
    }
}

// Measuring.

#[test]
fn summary_counts_by_kind_and_page() {
    let summary = Summary::of(references().into_iter().map(Ok)).expect("no error among them");
    let expected = Summary {
        references: 4,
        fetches: 1,
        loads: 1,
        stores: 1,
        modifies: 1,
        translations: 5, // the store crosses from 0x4002 into 0x4003
        pages: 5,
        lru32_misses: 5,
    };
    assert_eq!(summary, expected);
    assert_eq!(summary.pages_per_thousand(), 1250.0);
}

#[test]
fn first_error_ends_a_survey() {
    let (_folder, path) = file("I  1,1\nnonsense\n");
    let reader = Reader::open(&path).expect("a file that opens");
    assert!(matches!(Footprint::of(reader), Err(TraceError::Line { line: 2, .. })));
}

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("traces").join(name).with_extension("zst")
}

/// The table in tb/traces/README.md.
#[test]
fn shipped_traces_have_the_stated_counts() {
    let rows = [
        ("gzip", "gzip -c /usr/bin/perl", [1_200_000, 963_097, 195_316, 39_173, 2_414, 34, 129, 115_895]),
        ("join", "python3 -S tb/traces/join.py", [1_200_000, 855_868, 232_920, 92_522, 18_690, 150, 16_741, 70_013]),
        ("bzip2", "bzip2 -c /usr/bin/perl", [1_200_000, 909_090, 145_455, 145_455, 0, 690, 89_660, 519_523]),
    ];
    for (name, command, [references, fetches, loads, stores, modifies, pages, lru32_misses, bytes]) in rows {
        let path = shipped(name);
        let (summary, footprint) = survey(Reader::open(&path).expect("a shipped trace")).expect("a good trace");
        let translations = references;
        let expected = Summary { references, fetches, loads, stores, modifies, translations, pages, lru32_misses };
        assert_eq!(summary, expected, "{name}");
        assert_eq!(footprint.pages(), pages, "{name}");
        assert_eq!(fs::metadata(&path).expect("a shipped trace").len(), bytes, "{name}");
        assert_eq!(header(&path).as_deref(), Some(command));
    }
}

#[test]
fn footprint_allows_every_reference() {
    let path = shipped("join");
    let footprint = Footprint::of(Reader::open(&path).expect("a shipped trace")).expect("a good trace");
    for piece in read(&path).expect("a good trace").into_iter().flat_map(Reference::pages) {
        assert!(footprint.segment_of(piece.vpn()).is_some_and(|segment| segment.allows(piece.kind)), "{piece}");
    }
    for pair in footprint.segments().windows(2) {
        let end = pair[0].first_vpn + pair[0].pages;
        assert!(end <= pair[1].first_vpn, "ascending and apart: {pair:x?}");
    }
}

// Recording.

/// Whether to skip a test that records: without valgrind, but never in CI.
fn no_valgrind() -> bool {
    let present = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_ok();
    assert!(present || std::env::var_os("CI").is_none(), "CI has no valgrind");
    if !present {
        println!("skipped: valgrind is not installed");
    }
    !present
}

fn options(output: PathBuf, limit: Option<u64>, command: &[&str]) -> RecordOptions {
    RecordOptions { output, skip: 0, limit, command: command.iter().map(Into::into).collect() }
}

fn names_in(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name().into()).collect()
}

/// The message of a recording that fails; nothing may be left of it.
fn record_error(limit: Option<u64>, skip: u64, command: &[&str]) -> RecordError {
    let (folder, path) = file("old");
    let options = RecordOptions { skip, ..options(path.clone(), limit, command) };
    let error = record(&options, |_| {}).expect_err("a failing recording");
    assert_eq!(names_in(folder.path()), [OsStr::new("t")]);
    assert_eq!(fs::read_to_string(&path).expect("the old file"), "old");
    error
}

#[test]
fn limit_and_skip_cut_the_same_program() {
    if no_valgrind() {
        return;
    }
    let (folder, path) = file("old");
    let mut last = Progress::default();
    let whole = record(&options(path.clone(), None, &["true"]), |progress| last = progress).expect("a recording");
    assert_eq!(last, Progress { skipped: 0, recorded: whole.recorded });
    let all = read(&path).expect("a good trace");
    assert_eq!(all.len() as u64, whole.recorded);
    assert_eq!(header(&path).as_deref(), Some("true"));

    let zst = folder.path().join("part.zst");
    let part = RecordOptions { skip: 5_000, ..options(zst.clone(), Some(20_000), &["true"]) };
    let recording = record(&part, |_| {}).expect("a recording");
    let file_bytes = fs::metadata(&zst).expect("the trace").len();
    assert_eq!(recording, Recording { skipped: 5_000, recorded: 20_000, file_bytes });
    assert!(file_bytes < 20_000 * 4, "compressed");
    assert_eq!(read(&zst).expect("a good trace"), all[5_000..25_000]);
    assert_eq!(names_in(folder.path()).len(), 2, "no temporary file");
}

#[test]
fn forked_copy_that_lives_on_does_not_hold_the_recording() {
    if no_valgrind() {
        return;
    }
    // The copy in the background waits for us, without a program of its own.
    let (folder, path) = file("");
    let fifo = folder.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().expect("mkfifo").success());
    let script = format!("(read line <{}) & exit 0", fifo.display());
    record(&options(path, None, &["sh", "-c", &script]), |_| {}).expect("a recording");
    fs::write(&fifo, "\n").expect("the copy still reads");
}

#[test]
fn failures_of_the_command_leave_the_old_trace() {
    assert!(matches!(record_error(None, 0, &[]), RecordError::NoCommand));
    assert!(matches!(record_error(Some(0), 0, &["true"]), RecordError::NoLimit));
    if no_valgrind() {
        return;
    }
    let unknown = record_error(None, 0, &["no-such-program"]);
    assert_eq!(unknown.to_string(), "command no-such-program not found, or not an executable file");
    let failed = record_error(None, 0, &["sh", "-c", "exit 7"]);
    assert_eq!(failed.to_string(), "command sh failed under valgrind (exit status: 7)");
    let killed = record_error(None, 0, &["sh", "-c", "kill -TERM $$"]);
    assert_eq!(killed.to_string(), "command sh failed under valgrind (signal: 15 (SIGTERM))");
    let short = record_error(None, 1 << 40, &["true"]);
    assert!(matches!(short, RecordError::NothingRecorded { .. }), "{short}");
}

#[test]
fn output_needs_its_folder() {
    if no_valgrind() {
        return;
    }
    let error = record(&options("/nonexistent/t.zst".into(), None, &["true"]), |_| {}).expect_err("no folder");
    assert_eq!(error.to_string(), "cannot create trace /nonexistent/t.zst: there is no folder /nonexistent");
    let error = record(&options("/".into(), None, &["true"]), |_| {}).expect_err("a folder");
    assert!(matches!(error, RecordError::Create { .. }), "{error}");
}

/// The variable that makes this test program record, for tests which need a process of their own.
const RECORD_INTO: &str = "HASHWALK_TEST_RECORD_INTO";

/// Does nothing by itself: [`recorder`] runs it.
#[test]
fn helper_records_an_endless_program() {
    let Some(output) = std::env::var_os(RECORD_INTO) else { return };
    let options = options(output.into(), None, &["sh", "-c", "while :; do :; done"]);
    match record(&options, |_| println!("recording")) {
        Ok(_) => unreachable!("the program does not end"),
        Err(error) => println!("error: {error}"),
    }
}

fn recorder(output: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "helper_records_an_endless_program", "--nocapture"]);
    command.env(RECORD_INTO, output).stdout(Stdio::piped());
    command
}

#[test]
fn missing_valgrind_says_how_to_get_it() {
    let (folder, path) = file("old");
    let output = recorder(&path).env("PATH", folder.path()).output().expect("this program");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("error: valgrind is not installed") && text.contains("apt-get install valgrind"), "{text}");
    assert_eq!(names_in(folder.path()), [OsStr::new("t")]);
}

#[test]
fn interrupt_leaves_nothing() {
    if no_valgrind() {
        return;
    }
    for signal in ["INT", "TERM"] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut child = recorder(&folder.path().join("t.zst")).spawn().expect("this program");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map(|line| line.expect("text"));
        assert!(lines.any(|line| line == "recording"));
        assert_eq!(names_in(folder.path()).len(), 1, "the temporary file");
        let kill = Command::new("sh").args(["-c", &format!("kill -{signal} {}", child.id())]).status();
        assert!(kill.expect("a shell").success());
        assert!(lines.any(|line| line == "error: interrupted: no trace was written"));
        assert_eq!(names_in(folder.path()), [] as [PathBuf; 0]);
        lines.for_each(drop);
        child.wait().expect("its end");
    }
}
