//! Reads the bytes of a file, decompressed if it is gzip, without trusting what its header says.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::error::Error;

/// First bytes of a gzip file.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// A named stream of decompressed bytes. Memory grows with the bytes that are there, never with a
/// number found in a header.
pub struct Stream<'a> {
    file: PathBuf,
    reader: Box<dyn Read + 'a>,
    encoding: Encoding,
}

/// How the bytes were stored, for the words of an error.
#[derive(Clone, Copy, PartialEq)]
enum Encoding {
    Plain,
    Gzip,
    Zip,
}

impl Stream<'static> {
    /// Opens a file; gzip is recognised by its first two bytes, whatever its name.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(unreadable(path))?;
        Self::new(path, BufReader::with_capacity(1 << 16, file))
    }
}

impl<'a> Stream<'a> {
    /// Reads from bytes that are already in memory; `name` is what errors call them.
    ///
    /// # Errors
    /// None today: bytes in memory can be read.
    pub fn from_bytes(name: &Path, bytes: &'a [u8]) -> Result<Self, Error> {
        Self::new(name, bytes)
    }

    /// Reads a member of a zip archive, decompressed by `reader` and not once more: gzip in an archive is
    /// nothing that NumPy writes.
    pub(crate) fn in_archive(name: &Path, reader: impl Read + 'a) -> Self {
        Self { file: name.to_path_buf(), reader: Box::new(reader), encoding: Encoding::Zip }
    }

    fn new(name: &Path, mut reader: impl Read + 'a) -> Result<Self, Error> {
        let mut start = Vec::with_capacity(GZIP_MAGIC.len());
        reader
            .by_ref()
            .take(GZIP_MAGIC.len() as u64)
            .read_to_end(&mut start)
            .map_err(|source| Encoding::Plain.failure(name, source))?;
        let whole = std::io::Cursor::new(start.clone()).chain(reader);
        let (reader, encoding): (Box<dyn Read + 'a>, _) = if start == GZIP_MAGIC {
            (Box::new(MultiGzDecoder::new(whole)), Encoding::Gzip)
        } else {
            (Box::new(whole), Encoding::Plain)
        };
        Ok(Self { file: name.to_path_buf(), reader, encoding })
    }

    /// What errors call the stream.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Whether the bytes were gzip.
    pub(crate) fn is_gzip(&self) -> bool {
        self.encoding == Encoding::Gzip
    }

    /// At most `limit` bytes; fewer only at the end.
    pub(crate) fn up_to(&mut self, limit: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        self.reader
            .by_ref()
            .take(limit)
            .read_to_end(&mut bytes)
            .map_err(|source| self.encoding.failure(&self.file, source))?;
        Ok(bytes)
    }

    /// Exactly `expected` bytes.
    pub(crate) fn exactly(&mut self, expected: u64) -> Result<Vec<u8>, Error> {
        let bytes = self.up_to(expected)?;
        self.whole(bytes, expected)
    }

    /// The first `length` bytes of a file, which begin as its format's do.
    pub(crate) fn start(
        &mut self,
        length: u64,
        magic: &[u8],
        format: &'static str,
    ) -> Result<Vec<u8>, Error> {
        let start = self.up_to(length)?;
        let seen = start.len().min(magic.len());
        if start[..seen] != magic[..seen] {
            return Err(Error::WrongMagic {
                file: self.file.clone(),
                format,
                expected: magic.to_vec(),
                found: start[..seen].to_vec(),
            });
        }
        self.whole(start, length)
    }

    /// The bytes that remain, which must be those of an array with elements of `size` bytes.
    pub(crate) fn array(&mut self, shape: &[u64], size: u64) -> Result<Vec<u8>, Error> {
        let file = self.file.clone();
        let product = shape.iter().try_fold(size, |product, &side| product.checked_mul(side));
        let Some(expected) = product else {
            return Err(Error::TooLarge { file, dimensions: shape.to_vec() });
        };
        let bytes = self.exactly(expected)?;
        let ends = self.up_to(1)?.is_empty();
        if ends { Ok(bytes) } else { Err(Error::TrailingBytes { file, expected }) }
    }

    fn whole(&self, bytes: Vec<u8>, expected: u64) -> Result<Vec<u8>, Error> {
        let (file, found) = (self.file.clone(), bytes.len() as u64);
        if found < expected { Err(Error::Truncated { file, expected, found }) } else { Ok(bytes) }
    }

    /// The decompressed bytes as a reader.
    pub(crate) fn into_reader(self) -> Box<dyn Read + 'a> {
        self.reader
    }
}

impl Encoding {
    fn failure(self, file: &Path, source: std::io::Error) -> Error {
        let file = file.to_path_buf();
        match self {
            Self::Plain => Error::Unreadable { file, source },
            Self::Gzip => Error::DamagedGzip { file, source },
            Self::Zip => Error::BadArchive { file, reason: source.to_string() },
        }
    }
}

/// What the operating system says against reading a file.
pub(crate) fn unreadable(file: &Path) -> impl Fn(std::io::Error) -> Error {
    |source| Error::Unreadable { file: file.to_path_buf(), source }
}
