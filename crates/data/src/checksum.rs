//! SHA-256 checksums in hexadecimal digits.

use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::stream::Stream;

/// Lower-case hexadecimal digits of `bytes`.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-256 of everything `reader` yields.
pub(crate) fn sha256(mut reader: impl Read) -> std::io::Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(hexadecimal(&hash.finalize())),
            count => hash.update(&buffer[..count]),
        }
    }
}

/// SHA-256 of a file's decompressed content.
pub(crate) fn sha256_of_content(path: &Path) -> Result<String, Error> {
    sha256(Stream::open(path)?.into_reader())
        .map_err(|source| Error::DamagedGzip { file: path.to_path_buf(), source })
}
