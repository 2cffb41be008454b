//! Cuts the input of a target into its parts.

/// The first byte, which chooses, and the rest.
pub(crate) fn choice(input: &[u8]) -> (u8, &[u8]) {
    input.split_first().map_or((0, input), |(&first, rest)| (first, rest))
}

/// Two files: the length of the first as two bytes, then both.
pub(crate) fn two_files(input: &[u8]) -> (&[u8], &[u8]) {
    let (length, files) = length(input);
    files.split_at(length.min(files.len()))
}

/// A number of two bytes, and the rest.
pub(crate) fn length(input: &[u8]) -> (usize, &[u8]) {
    match input.split_first_chunk::<2>() {
        Some((length, rest)) => (usize::from(u16::from_le_bytes(*length)), rest),
        None => (0, input),
    }
}

/// `bytes` as gzip without compression, so that a change of them is not a wrong checksum.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let blocks = bytes.chunks(usize::from(u16::MAX));
    let last = blocks.len().saturating_sub(1);
    for (index, block) in blocks.enumerate() {
        gzip.push(u8::from(index == last));
        let length = block.len() as u16;
        gzip.extend(length.to_le_bytes());
        gzip.extend((!length).to_le_bytes());
        gzip.extend(block);
    }
    let mut checksum = flate2::Crc::new();
    checksum.update(bytes);
    gzip.extend(checksum.sum().to_le_bytes());
    gzip.extend(checksum.amount().to_le_bytes());
    gzip
}
