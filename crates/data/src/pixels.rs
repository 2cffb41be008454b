//! Converts bytes to pixels.

/// pixel / 255 in single precision, the division that PyTorch's `ToTensor` does.
pub(crate) fn scaled(bytes: &[u8]) -> Vec<f32> {
    bytes.iter().map(|&byte| f32::from(byte) / 255.0).collect()
}
