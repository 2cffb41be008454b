//! Downloads one file: continues where an earlier attempt stopped, and keeps the file only if its
//! checksum is right.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use ureq::Agent;
use ureq::http::{Response, StatusCode, header};

use crate::error::Error;

/// Connections tried for one file, as long as each brings some bytes.
const CONNECTIONS: usize = 5;

/// The bytes of a download that have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DownloadProgress<'a> {
    /// The file's name.
    pub file: &'a str,
    /// Bytes on disk, also those of an earlier attempt.
    pub bytes: u64,
    /// Bytes in all, where the server says so.
    pub total: Option<u64>,
}

/// One file to download, and where it goes.
pub(crate) struct Download<'a> {
    /// Its address.
    pub(crate) address: String,
    /// Its name, for progress.
    pub(crate) name: &'a str,
    /// Where the bytes collect until they are complete; left behind by an interruption.
    pub(crate) part: &'a Path,
    /// SHA-256 that `digest` must find.
    pub(crate) sha256: &'a str,
    /// What the checksum is of.
    pub(crate) digest: fn(&Path) -> Result<String, Error>,
}

impl Download<'_> {
    /// Brings the file to `part`, complete and right. A continued file whose checksum is wrong is
    /// downloaded once more from its start, because the published file may have changed between.
    pub(crate) fn run(&self, progress: &mut dyn FnMut(DownloadProgress<'_>)) -> Result<(), Error> {
        let mut restarts = 1;
        loop {
            let continued = self.collect(progress)?;
            // Data that cannot be decompressed is as wrong as data with another checksum.
            let found = (self.digest)(self.part);
            if found.as_deref().is_ok_and(|found| found == self.sha256) {
                return Ok(());
            }
            fs::remove_file(self.part).map_err(unwritable(self.part))?;
            if !continued || restarts == 0 {
                return Err(Error::WrongChecksum {
                    address: self.address.clone(),
                    expected: self.sha256.to_owned(),
                    found: found.unwrap_or_else(|fault| fault.to_string()),
                });
            }
            restarts -= 1;
        }
    }

    /// Collects all bytes in `part`. Returns whether an earlier attempt had left some of them.
    fn collect(&self, progress: &mut dyn FnMut(DownloadProgress<'_>)) -> Result<bool, Error> {
        let agent = agent(&self.address);
        let mut connection = 0;
        loop {
            connection += 1;
            let there = fs::metadata(self.part).map_or(0, |metadata| metadata.len());
            let mut request = agent.get(&self.address).header(header::ACCEPT_ENCODING, "identity");
            if there > 0 {
                request = request.header(header::RANGE, format!("bytes={there}-"));
            }
            let response = request.call().map_err(|fault| Error::Connection {
                address: self.address.clone(),
                reason: fault.to_string(),
            })?;
            let (start, size) = content_range(&response);
            let (from, total) = match response.status() {
                // A server that does not know ranges sends everything.
                StatusCode::OK => (0, content_length(&response)),
                StatusCode::PARTIAL_CONTENT if start == Some(there) => (there, size),
                StatusCode::RANGE_NOT_SATISFIABLE if size == Some(there) => return Ok(true),
                StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE
                    if connection < CONNECTIONS && there > 0 =>
                {
                    // What is there does not fit what the server has: start again.
                    fs::remove_file(self.part).map_err(unwritable(self.part))?;
                    continue;
                }
                status => {
                    return Err(Error::HttpStatus {
                        address: self.address.clone(),
                        status: status.as_u16(),
                    });
                }
            };
            let (bytes, early) = self.append(response, from, total, progress)?;
            let Some(reason) = early else { return Ok(from > 0) };
            if bytes == from || connection == CONNECTIONS {
                let address = self.address.clone();
                return Err(Error::Interrupted { address, bytes, total, reason });
            }
        }
    }

    /// Appends a response's body. Returns how many bytes there are now, and what ended it early.
    fn append(
        &self,
        response: Response<ureq::Body>,
        from: u64,
        total: Option<u64>,
        progress: &mut dyn FnMut(DownloadProgress<'_>),
    ) -> Result<(u64, Option<String>), Error> {
        let fault = unwritable(self.part);
        let mut file: File = OpenOptions::new()
            .create(true)
            .write(true)
            .append(from > 0)
            .truncate(from == 0)
            .open(self.part)
            .map_err(&fault)?;
        let mut body = response.into_body().into_reader();
        let mut buffer = vec![0; 1 << 16];
        let mut bytes = from;
        progress(DownloadProgress { file: self.name, bytes, total });
        let early = loop {
            match body.read(&mut buffer) {
                Ok(0) => break None,
                Ok(count) => {
                    file.write_all(&buffer[..count]).map_err(&fault)?;
                    bytes += count as u64;
                    progress(DownloadProgress { file: self.name, bytes, total });
                }
                Err(source) => break Some(source.to_string()),
            }
        };
        file.sync_all().map_err(&fault)?;
        let short = total.is_some_and(|total| bytes < total);
        Ok((bytes, early.or_else(|| short.then(|| "connection closed".to_owned()))))
    }
}

/// First byte and size in a `Content-Range` header: `bytes FROM-TO/TOTAL` or `bytes */TOTAL`.
fn content_range(response: &Response<ureq::Body>) -> (Option<u64>, Option<u64>) {
    let text = response.headers().get(header::CONTENT_RANGE).and_then(|text| text.to_str().ok());
    let (range, total) = text
        .and_then(|text| text.trim().strip_prefix("bytes")?.trim().split_once('/'))
        .unwrap_or_default();
    let from = range.split_once('-').and_then(|(from, _)| from.parse().ok());
    (from, total.parse().ok())
}

fn content_length(response: &Response<ureq::Body>) -> Option<u64> {
    response.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn agent(address: &str) -> Agent {
    let mut builder = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(Duration::from_secs(30)))
        .timeout_recv_response(Some(Duration::from_secs(60)));
    // A proxy of the environment cannot reach this machine's own servers.
    if ["http://127.0.0.1", "http://localhost", "http://[::1]"]
        .iter()
        .any(|local| address.starts_with(local))
    {
        builder = builder.proxy(None);
    }
    builder.build().into()
}

/// What the operating system says against writing a file.
pub(crate) fn unwritable(file: &Path) -> impl Fn(std::io::Error) -> Error {
    |source| Error::Unwritable { file: file.to_path_buf(), source }
}
