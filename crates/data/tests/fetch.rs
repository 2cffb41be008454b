//! Downloads against a server on this machine: whole, continued, refused.

mod written;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use minimascope_data::Error;
use minimascope_data::catalogue::{Files, KnownDataset, KnownFile, Remote, Sizes};
use minimascope_data::fetch::{DownloadProgress, Fetch, fetch};
use minimascope_record::architecture::Shape;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use written::{gzip, idx_images, idx_labels, records};

/// How the server behaves.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// Knows ranges.
    Usual,
    /// Sends everything whatever is asked for.
    IgnoresRanges,
    /// Answers a range with everything, and says so.
    WholeAsRange,
    /// Closes each connection after so many bytes of the body.
    StopsAfter(usize),
}

/// Path and range of every request, in order.
type Requests = Vec<(String, Option<String>)>;

struct Server {
    base: String,
    requests: Arc<Mutex<Requests>>,
}

impl Server {
    fn start(files: BTreeMap<String, Vec<u8>>, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}/", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                // A client that hangs up early is part of some tests.
                let _ = answer(connection.unwrap(), &files, manner, &seen);
            }
        });
        Self { base, requests }
    }

    fn requests(&self) -> Requests {
        self.requests.lock().unwrap().clone()
    }
}

fn answer(
    mut connection: TcpStream,
    files: &BTreeMap<String, Vec<u8>>,
    manner: Manner,
    seen: &Mutex<Requests>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(connection.try_clone()?).lines();
    let first = lines.next().unwrap()?;
    let path = first.split(' ').nth(1).unwrap().trim_start_matches('/').to_owned();
    let mut range = None;
    for line in lines {
        let line = line?.to_lowercase();
        if line.is_empty() {
            break;
        }
        range = range.or_else(|| line.strip_prefix("range: ").map(str::to_owned));
    }
    seen.lock().unwrap().push((path.clone(), range.clone()));
    let Some(bytes) = files.get(&path) else {
        return connection.write_all(
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        );
    };
    let total = bytes.len();
    let from = range
        .filter(|_| manner != Manner::IgnoresRanges)
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok())
        .map(|from| if manner == Manner::WholeAsRange { 0 } else { from });
    let head = match from {
        None => format!("200 OK\r\nContent-Length: {total}"),
        Some(from) if from >= total => {
            format!(
                "416 Range Not Satisfiable\r\nContent-Length: 0\r\nContent-Range: bytes */{total}"
            )
        }
        Some(from) => format!(
            "206 Partial Content\r\nContent-Length: {}\r\nContent-Range: bytes {from}-{}/{total}",
            total - from,
            total - 1,
        ),
    };
    let body = bytes.get(from.unwrap_or(0)..).unwrap_or_default();
    let body = match manner {
        Manner::StopsAfter(count) => &body[..count.min(body.len())],
        Manner::Usual | Manner::IgnoresRanges | Manner::WholeAsRange => body,
    };
    write!(connection, "HTTP/1.1 {head}\r\nConnection: close\r\n\r\n")?;
    connection.write_all(body)
}

fn sha256(bytes: &[u8]) -> &'static str {
    let digits = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    digits.leak()
}

fn dataset(files: Files, remote: Remote) -> KnownDataset {
    KnownDataset {
        name: "small",
        what: "a small dataset",
        shape: Shape { channels: 1, height: 1, width: 1 },
        class_names: vec!["a", "b"],
        embedded: None,
        complete: Sizes { train: 4, test: 2 },
        files,
        folders: vec!["Small/raw"],
        remote,
        licence: "none",
        citation: "none",
        homepage: "none",
    }
}

/// Four IDX files: the dataset and what a server holds of it.
fn small() -> (KnownDataset, BTreeMap<String, Vec<u8>>) {
    let pixels: Vec<u8> = (0..4000_u32).map(|k| (k * k % 251) as u8).collect();
    let contents = [
        ("train-images-idx3-ubyte", idx_images(4, 10, 100, &pixels)),
        ("train-labels-idx1-ubyte", idx_labels(&[0, 1, 0, 1])),
        ("t10k-images-idx3-ubyte", idx_images(2, 10, 100, &pixels[..2000])),
        ("t10k-labels-idx1-ubyte", idx_labels(&[1, 0])),
    ];
    let files = contents.clone().map(|(name, bytes)| KnownFile { name, sha256: sha256(&bytes) });
    let served =
        contents.into_iter().map(|(name, bytes)| (format!("{name}.gz"), gzip(&bytes))).collect();
    (dataset(Files::Idx(files), Remote::Gzip { base: "http://unused.invalid/" }), served)
}

const IMAGES: &str = "train-images-idx3-ubyte.gz";

fn bring(known: &KnownDataset, directory: &Path, base: &str) -> Result<PathBuf, Error> {
    fetch(&Fetch { known, directory, base: Some(base) }, &mut |_| {})
}

/// The error's text with the server's address shortened to BASE.
fn refused(known: &KnownDataset, directory: &Path, base: &str) -> String {
    bring(known, directory, base).unwrap_err().to_string().replace(base, "BASE/")
}

/// Leaves `bytes` as an earlier attempt at the training images would have.
fn interrupted(directory: &Path, bytes: &[u8]) {
    fs::create_dir_all(directory.join("Small/raw")).unwrap();
    fs::write(part(directory), bytes).unwrap();
}

fn part(directory: &Path) -> PathBuf {
    directory.join("Small/raw").join(format!("{IMAGES}.part"))
}

#[test]
fn every_file_comes_with_progress_and_only_once() {
    let (known, served) = small();
    let server = Server::start(served.clone(), Manner::Usual);
    let folder = TempDir::new().unwrap();
    let mut last = BTreeMap::new();
    let request = Fetch { known: &known, directory: folder.path(), base: Some(&server.base) };
    let place = fetch(&request, &mut |progress: DownloadProgress<'_>| {
        let before = last.insert(progress.file.to_owned(), (progress.bytes, progress.total));
        assert!(before.is_none_or(|(bytes, _)| bytes <= progress.bytes));
    })
    .unwrap();
    assert_eq!(place, folder.path().join("Small/raw"));
    for (name, bytes) in &served {
        assert_eq!(&fs::read(place.join(name)).unwrap(), bytes);
        assert_eq!(last[name], (bytes.len() as u64, Some(bytes.len() as u64)));
    }
    assert_eq!(fs::read_dir(&place).unwrap().count(), 4);
    assert_eq!(server.requests().len(), 4);
    bring(&known, folder.path(), &server.base).unwrap();
    assert_eq!(server.requests().len(), 4, "right files were fetched again");
    // A damaged one is fetched again, the others are not.
    fs::write(place.join(IMAGES), b"damaged").unwrap();
    bring(&known, folder.path(), &server.base).unwrap();
    assert_eq!(server.requests().len(), 5);
    assert_eq!(fs::read(place.join(IMAGES)).unwrap(), served[IMAGES]);
}

#[test]
fn an_interrupted_download_continues_in_the_middle() {
    let (known, served) = small();
    for (manner, length) in [
        (Manner::Usual, 100),
        (Manner::IgnoresRanges, 100),
        // Everything had come: the server has nothing more to send.
        (Manner::Usual, served[IMAGES].len()),
    ] {
        let server = Server::start(served.clone(), manner);
        let folder = TempDir::new().unwrap();
        interrupted(folder.path(), &served[IMAGES][..length]);
        let place = bring(&known, folder.path(), &server.base).unwrap();
        assert_eq!(server.requests()[0], (IMAGES.into(), Some(format!("bytes={length}-"))));
        assert_eq!(server.requests().len(), 4, "the part was not used");
        assert_eq!(fs::read(place.join(IMAGES)).unwrap(), served[IMAGES]);
        assert!(!part(folder.path()).exists());
    }
}

#[test]
fn a_part_of_another_file_is_thrown_away() {
    let (known, served) = small();
    for stale in [vec![7; 100], vec![7; 1_000_000]] {
        let server = Server::start(served.clone(), Manner::Usual);
        let folder = TempDir::new().unwrap();
        interrupted(folder.path(), &stale);
        let place = bring(&known, folder.path(), &server.base).unwrap();
        assert_eq!(fs::read(place.join(IMAGES)).unwrap(), served[IMAGES]);
        assert_eq!(server.requests().len(), 5);
        assert_eq!(server.requests()[1], (IMAGES.into(), None));
    }
}

#[test]
fn bytes_of_another_range_are_not_appended() {
    let (known, served) = small();
    let server = Server::start(served.clone(), Manner::WholeAsRange);
    let folder = TempDir::new().unwrap();
    interrupted(folder.path(), &served[IMAGES][..100]);
    let request = Fetch { known: &known, directory: folder.path(), base: Some(&server.base) };
    let place = fetch(&request, &mut |progress: DownloadProgress<'_>| {
        assert!(progress.bytes <= served[progress.file].len() as u64, "{progress:?}");
    })
    .unwrap();
    assert_eq!(fs::read(place.join(IMAGES)).unwrap(), served[IMAGES]);
    assert_eq!(server.requests()[1], (IMAGES.into(), None));
}

#[test]
fn a_connection_that_closes_early_is_taken_up_again() {
    let (known, served) = small();
    // At most five connections a file.
    let piece = served[IMAGES].len() / 4;
    let server = Server::start(served.clone(), Manner::StopsAfter(piece));
    let folder = TempDir::new().unwrap();
    let place = bring(&known, folder.path(), &server.base).unwrap();
    assert_eq!(fs::read(place.join(IMAGES)).unwrap(), served[IMAGES]);
    assert_eq!(server.requests()[1].1, Some(format!("bytes={piece}-")));
}

#[test]
fn an_interruption_keeps_what_came() {
    let (known, served) = small();
    let server = Server::start(served.clone(), Manner::StopsAfter(50));
    let folder = TempDir::new().unwrap();
    let text = refused(&known, folder.path(), &server.base);
    let total = served[IMAGES].len();
    let start = format!("the download of BASE/{IMAGES} stopped after 250 bytes of {total} bytes (");
    assert!(text.starts_with(&start), "{text}");
    assert!(text.ends_with("); run the same command again to continue"), "{text}");
    assert_eq!(fs::read(part(folder.path())).unwrap(), served[IMAGES][..250]);
    let server = Server::start(served, Manner::Usual);
    bring(&known, folder.path(), &server.base).unwrap();
    assert_eq!(server.requests()[0].1.as_deref(), Some("bytes=250-"));
}

#[test]
fn a_file_with_another_checksum_is_refused_and_not_kept() {
    let (known, mut served) = small();
    let expected = known.files.all()[0].sha256;
    let other = idx_images(1, 1, 1, &[0]);
    served.insert(IMAGES.into(), gzip(&other));
    let server = Server::start(served.clone(), Manner::Usual);
    let folder = TempDir::new().unwrap();
    assert_eq!(
        refused(&known, folder.path(), &server.base),
        format!(
            "BASE/{IMAGES} is not the published file: its SHA-256 should be {expected} and is {}; try again or give a mirror's address",
            sha256(&other)
        )
    );
    assert_eq!(fs::read_dir(folder.path().join("Small/raw")).unwrap().count(), 0);
    // Also if it was continued; then it is tried once from the start.
    interrupted(folder.path(), &served[IMAGES][..5]);
    assert!(refused(&known, folder.path(), &server.base).contains("is not the published file"));
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_server_without_the_file_is_named() {
    let (known, _) = small();
    let server = Server::start(BTreeMap::new(), Manner::Usual);
    let folder = TempDir::new().unwrap();
    assert_eq!(
        refused(&known, folder.path(), &server.base),
        format!(
            "BASE/{IMAGES} answered with HTTP status 404; try again later or give a mirror's address"
        )
    );
    // A port that was just closed.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = refused(&known, folder.path(), &format!("http://{closed}/"));
    assert!(text.starts_with(&format!("BASE/{IMAGES} cannot be reached (")), "{text}");
    assert!(text.ends_with("); check the network or copy the files by hand"), "{text}");
}

/// A tar archive of batches: the dataset and the archive. `members` are paths in the archive.
fn archived(members: [&str; 6]) -> (KnownDataset, Vec<u8>) {
    let names = [1, 2, 3, 4, 5].map(|batch| &*format!("data_batch_{batch}.bin").leak());
    let contents = [0, 1, 2, 3, 4, 5].map(|label| records(&[label]));
    let mut builder = tar::Builder::new(Vec::new());
    for (member, content) in members.iter().zip(&contents) {
        let mut header = tar::Header::new_ustar();
        header.as_old_mut().name[..member.len()].copy_from_slice(member.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, &content[..]).unwrap();
    }
    let archive = gzip(&builder.into_inner().unwrap());
    let known = |name, content: &[u8]| KnownFile { name, sha256: sha256(content) };
    let files = Files::CifarBinary {
        train: [0, 1, 2, 3, 4].map(|at| known(names[at], &contents[at])),
        test: known("test_batch.bin", &contents[5]),
        classes: None,
    };
    let remote = Remote::Archive {
        base: "http://unused.invalid/",
        archive: KnownFile { name: "small.tar.gz", sha256: sha256(&archive) },
    };
    (dataset(files, remote), archive)
}

#[test]
fn an_archive_is_unpacked_by_the_names_of_its_files_alone() {
    let (known, archive) = archived([
        "cifar/data_batch_1.bin",
        "cifar/data_batch_2.bin",
        // Would leave the folder if its path were used.
        "../../data_batch_3.bin",
        "/tmp/data_batch_4.bin",
        "data_batch_5.bin",
        "a/b/c/test_batch.bin",
    ]);
    let server = Server::start(BTreeMap::from([("small.tar.gz".into(), archive)]), Manner::Usual);
    let folder = TempDir::new().unwrap();
    let place = bring(&known, folder.path(), &server.base).unwrap();
    for (file, label) in known.files.all().iter().zip([0, 1, 2, 3, 4, 5]) {
        assert_eq!(fs::read(place.join(file.name)).unwrap(), records(&[label]));
    }
    assert_eq!(fs::read_dir(&place).unwrap().count(), 6);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "the archive was left");
    bring(&known, folder.path(), &server.base).unwrap();
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn an_archive_without_a_file_is_refused() {
    let (known, archive) = archived([
        "data_batch_1.bin",
        "data_batch_2.bin",
        "data_batch_3.bin",
        "data_batch_4.bin",
        "data_batch_5.bin",
        "other.bin",
    ]);
    let server = Server::start(BTreeMap::from([("small.tar.gz".into(), archive)]), Manner::Usual);
    let folder = TempDir::new().unwrap();
    let text = refused(&known, folder.path(), &server.base)
        .replace(&folder.path().display().to_string(), "DIR");
    assert_eq!(
        text,
        "DIR/small.tar.gz.part cannot be unpacked (it lacks test_batch.bin); fetch it again"
    );
}

#[test]
fn an_archive_with_another_file_inside_is_refused() {
    let names = [1, 2, 3, 4, 5].map(|batch| &*format!("data_batch_{batch}.bin").leak());
    let [first, second, third, fourth, fifth] = names;
    let (mut known, archive) = archived([first, second, third, fourth, fifth, "test_batch.bin"]);
    let Files::CifarBinary { test, .. } = &mut known.files else { unreachable!() };
    test.sha256 = sha256(b"something else");
    let server = Server::start(BTreeMap::from([("small.tar.gz".into(), archive)]), Manner::Usual);
    let folder = TempDir::new().unwrap();
    let text = refused(&known, folder.path(), &server.base)
        .replace(&folder.path().display().to_string(), "DIR");
    let found = sha256(&records(&[5]));
    assert_eq!(
        text,
        format!(
            "DIR/small.tar.gz.part cannot be unpacked (its member test_batch.bin has SHA-256 {found}); fetch it again"
        )
    );
    assert!(!folder.path().join("Small/raw/test_batch.bin").exists());
}
