//! Fetches the complete files of a known dataset into a data directory.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

use crate::catalogue::{KnownDataset, KnownFile, Remote};
use crate::checksum::{sha256, sha256_of_content};
use crate::download::{Download, unwritable};
use crate::error::Error;
use crate::stream::unreadable;

pub use crate::download::DownloadProgress;

/// What to fetch, and where to.
#[derive(Clone, Copy, Debug)]
pub struct Fetch<'a> {
    /// The dataset.
    pub known: &'a KnownDataset,
    /// The data directory; files go to the dataset's usual folder below it.
    pub directory: &'a Path,
    /// Another address for the folder of the files, for a mirror; with a slash at the end.
    pub base: Option<&'a str>,
}

/// Fetches what is not there yet and returns the folder of the files. Every file has the SHA-256
/// of the catalogue, also those that were there. A part of a file that an earlier attempt left
/// (`….part`) is continued.
///
/// # Errors
/// [`Error::Connection`], [`Error::HttpStatus`], [`Error::Interrupted`],
/// [`Error::WrongChecksum`], [`Error::Unwritable`], [`Error::BadTar`].
pub fn fetch(
    request: &Fetch<'_>,
    progress: &mut dyn FnMut(DownloadProgress<'_>),
) -> Result<PathBuf, Error> {
    let Fetch { known, directory, base } = *request;
    let folder = directory.join(known.folders[0]);
    let missing: Vec<KnownFile> =
        known.files.all().into_iter().filter(|file| !is_there(&folder, file)).collect();
    if missing.is_empty() {
        return Ok(folder);
    }
    fs::create_dir_all(&folder).map_err(unwritable(&folder))?;
    match &known.remote {
        Remote::Gzip { base: published } => {
            for file in &missing {
                let name = format!("{}.gz", file.name);
                let part = folder.join(format!("{name}.part"));
                let download = Download {
                    address: format!("{}{name}", base.unwrap_or(published)),
                    name: &name,
                    part: &part,
                    sha256: file.sha256,
                    digest: sha256_of_content,
                };
                download.run(progress)?;
                rename(&part, &folder.join(name))?;
            }
        }
        Remote::Archive { base: published, archive } => {
            let part = directory.join(format!("{}.part", archive.name));
            let download = Download {
                address: format!("{}{}", base.unwrap_or(published), archive.name),
                name: archive.name,
                part: &part,
                sha256: archive.sha256,
                digest: sha256_of_bytes,
            };
            download.run(progress)?;
            unpack(&part, &missing, &folder)?;
            fs::remove_file(&part).map_err(unwritable(&part))?;
        }
    }
    Ok(folder)
}

fn is_there(folder: &Path, file: &KnownFile) -> bool {
    [folder.join(file.name), folder.join(format!("{}.gz", file.name))]
        .iter()
        .any(|path| path.is_file() && sha256_of_content(path).is_ok_and(|sum| sum == file.sha256))
}

fn sha256_of_bytes(path: &Path) -> Result<String, Error> {
    File::open(path).and_then(sha256).map_err(unreadable(path))
}

/// Unpacks `wanted` from a gzip tar archive. Members are matched by their file names alone, and no
/// path of the archive is used.
fn unpack(archive: &Path, wanted: &[KnownFile], folder: &Path) -> Result<(), Error> {
    let bad = |reason: String| Error::BadTar { file: archive.to_path_buf(), reason };
    let file = File::open(archive).map_err(unreadable(archive))?;
    let mut members = tar::Archive::new(GzDecoder::new(BufReader::new(file)));
    let mut found = Vec::new();
    for member in members.entries().map_err(|fault| bad(fault.to_string()))? {
        let mut member = member.map_err(|fault| bad(fault.to_string()))?;
        let name = member.path().ok().and_then(|path| Some(path.file_name()?.to_owned()));
        let Some(known) = wanted.iter().find(|known| name.as_deref() == Some(known.name.as_ref()))
        else {
            continue;
        };
        let part = folder.join(format!("{}.part", known.name));
        let mut output = File::create(&part).map_err(unwritable(&part))?;
        std::io::copy(&mut member, &mut output).map_err(|fault| bad(fault.to_string()))?;
        output.sync_all().map_err(unwritable(&part))?;
        let sum = sha256_of_bytes(&part)?;
        if sum != known.sha256 {
            return Err(bad(format!("its member {} has SHA-256 {sum}", known.name)));
        }
        rename(&part, &folder.join(known.name))?;
        found.push(known.name);
    }
    match wanted.iter().find(|known| !found.contains(&known.name)) {
        None => Ok(()),
        Some(missing) => Err(bad(format!("it lacks {}", missing.name))),
    }
}

fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(unwritable(to))
}
