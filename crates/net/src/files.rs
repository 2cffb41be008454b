//! Parameters in safetensors files, with the names and layouts of `torch.nn.Sequential`.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use minimascope_record::unique_keys;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::tensor::{Tensor, TensorOrder};
use crate::{Error, Network, Scalar};

impl Network {
    /// θ in PyTorch's order: the tensors one after another, filters as C_out × C_in × k × k.
    pub fn to_torch_order<T: Scalar>(&self, parameters: &[T]) -> Vec<T> {
        self.reordered(parameters, true)
    }

    /// The inverse of [`Network::to_torch_order`].
    pub fn from_torch_order<T: Scalar>(&self, parameters: &[T]) -> Vec<T> {
        self.reordered(parameters, false)
    }

    fn reordered<T: Scalar>(&self, parameters: &[T], to_torch: bool) -> Vec<T> {
        let mut out = vec![T::ZERO; parameters.len()];
        for tensor in self.tensors() {
            let range = tensor.range.clone();
            permute(tensor, &parameters[range.clone()], &mut out[range], to_torch);
        }
        out
    }
}

fn permute<T: Scalar>(tensor: &Tensor, from: &[T], to: &mut [T], to_torch: bool) {
    if tensor.order == TensorOrder::Torch {
        to.copy_from_slice(from);
        return;
    }
    let [outputs, inputs, kernel, _] = tensor.shape[..] else {
        unreachable!("a filter has four sides")
    };
    let cells = kernel * kernel;
    for cell in 0..cells {
        for c in 0..inputs {
            for o in 0..outputs {
                let (here, torch) =
                    ((cell * inputs + c) * outputs + o, (o * inputs + c) * cells + cell);
                if to_torch {
                    to[torch] = from[here];
                } else {
                    to[here] = from[torch];
                }
            }
        }
    }
}

/// Writes parameters so that `load_state_dict(safetensors.torch.load_file(path))` takes them.
/// The file appears whole or not at all.
///
/// # Errors
/// [`Error::Io`].
pub fn write_parameters<T: Scalar>(
    path: &Path,
    network: &Network,
    parameters: &[T],
) -> Result<(), Error> {
    write_whole(path, &to_bytes(network, parameters)?)
}

/// The content of the file that [`write_parameters`] writes.
///
/// # Errors
/// None that a network and its own parameters cause.
pub fn to_bytes<T: Scalar>(network: &Network, parameters: &[T]) -> Result<Vec<u8>, Error> {
    let torch = network.to_torch_order(parameters);
    serialize(&parameter_views(network, &torch, "")?, HashMap::new())
}

/// Reads parameters written by [`write_parameters`] or by PyTorch for the same network.
///
/// # Errors
/// [`Error::Io`], or [`Error::File`] that says which tensor is missing, is not of the network, has
/// another shape, or holds a number that is not finite.
pub fn read_parameters<T: Scalar>(path: &Path, network: &Network) -> Result<Vec<T>, Error> {
    from_bytes(path, &read(path)?, network)
}

/// As [`read_parameters`], from the content of a file; `path` is what errors call it.
///
/// # Errors
/// [`Error::File`].
pub fn from_bytes<T: Scalar>(
    path: &Path,
    bytes: &[u8],
    network: &Network,
) -> Result<Vec<T>, Error> {
    let file = parse(path, bytes)?;
    check_names(path, &file, network, &[""])?;
    let parameters: Vec<T> = parameters_from(path, &file, network, "")?;
    for tensor in network.tensors() {
        if parameters[tensor.range.clone()].iter().any(|x| !x.is_finite()) {
            let name = &tensor.name;
            let reason =
                format!("tensor {name} holds a number that is not finite; was it trained?");
            return Err(Error::File { path: path.into(), reason });
        }
    }
    Ok(parameters)
}

pub(crate) type Views<'a> = Vec<(String, TensorView<'a>)>;

/// The tensors of θ (already in PyTorch's order) under `prefix`.
pub(crate) fn parameter_views<'a, T: Scalar>(
    network: &Network,
    torch: &'a [T],
    prefix: &str,
) -> Result<Views<'a>, Error> {
    let view = |tensor: &Tensor| {
        let bytes: &[u8] = bytemuck::cast_slice(&torch[tensor.range.clone()]);
        let view = TensorView::new(dtype::<T>(), tensor.shape.clone(), bytes);
        view.map(|view| (format!("{prefix}{}", tensor.name), view)).map_err(internal)
    };
    network.tensors().iter().map(view).collect()
}

pub(crate) fn serialize(
    views: &Views<'_>,
    metadata: HashMap<String, String>,
) -> Result<Vec<u8>, Error> {
    let metadata = (!metadata.is_empty()).then_some(metadata);
    let views = views.iter().map(|(name, view)| (name.as_str(), view));
    safetensors::serialize(views, metadata).map_err(internal)
}

#[allow(clippy::needless_pass_by_value)]
fn internal(error: safetensors::SafeTensorError) -> Error {
    Error::File { path: "(in memory)".into(), reason: error.to_string() }
}

pub(crate) fn dtype<T: Scalar>() -> Dtype {
    if T::NAME == "F32" { Dtype::F32 } else { Dtype::F64 }
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::Io { path: path.into(), source })
}

pub(crate) fn parse<'a>(path: &Path, bytes: &'a [u8]) -> Result<SafeTensors<'a>, Error> {
    let not_whole = |fault: String| Error::File {
        path: path.into(),
        reason: format!("it is not a whole safetensors file ({fault}); copy or save it again"),
    };
    let file = SafeTensors::deserialize(bytes).map_err(|error| not_whole(error.to_string()))?;
    // The header follows its length of 8 bytes. Of a name that stands in it twice the library keeps the
    // last tensor.
    let (length, _) =
        SafeTensors::read_metadata(bytes).map_err(|error| not_whole(error.to_string()))?;
    let header = bytes.get(8..8 + length).and_then(|header| str::from_utf8(header).ok());
    let header = header.ok_or_else(|| not_whole("its header is not UTF-8".to_owned()))?;
    unique_keys::value(header).map_err(|fault| not_whole(fault.to_string()))?;
    Ok(file)
}

/// Checks that a file holds the network's tensors under each of the prefixes, and no other.
pub(crate) fn check_names(
    path: &Path,
    file: &SafeTensors<'_>,
    network: &Network,
    prefixes: &[&str],
) -> Result<(), Error> {
    let mut held = file.names();
    held.sort_unstable();
    let names = network.tensors().iter().map(|tensor| tensor.name.as_str());
    let wanted: Vec<String> = names
        .flat_map(|name| prefixes.iter().map(move |prefix| format!("{prefix}{name}")))
        .collect();
    let missing: Vec<&str> =
        wanted.iter().map(String::as_str).filter(|name| !held.contains(name)).collect();
    let mut beyond = held.clone();
    beyond.retain(|name| !wanted.iter().any(|wanted| wanted == name));
    let difference = match (missing.is_empty(), beyond.is_empty()) {
        (true, true) => return Ok(()),
        (false, true) => format!("{} missing", are(&missing)),
        (true, false) => format!("{} not in the network", are(&beyond)),
        (false, false) => {
            format!("{} missing, {} not in the network", are(&missing), are(&beyond))
        }
    };
    let what_to_do = match prefix_of_all(&held, &wanted) {
        Some(prefix) => format!("only the prefix `{prefix}` differs, save the tensors without it"),
        None => "describe the network that was saved, or save no other tensors".to_owned(),
    };
    let holds = listed(&held);
    let reason = format!("it holds {holds}: {difference}; {what_to_do}");
    Err(Error::File { path: path.into(), reason })
}

/// What stands before the network's names in every name of a file, where nothing else differs.
fn prefix_of_all<'f>(held: &[&'f str], wanted: &[String]) -> Option<&'f str> {
    let first = wanted.first()?;
    let with = |prefix: &str| wanted.iter().all(|name| held.contains(&&*format!("{prefix}{name}")));
    let prefixes = held.iter().filter_map(|name| name.strip_suffix(first.as_str()));
    prefixes.into_iter().find(|prefix| held.len() == wanted.len() && with(prefix))
}

/// An error lists at most so many names.
const MOST_LISTED: usize = 8;

fn listed(names: &[&str]) -> String {
    match names.len() {
        0 => "no tensor".to_owned(),
        number if number > MOST_LISTED => {
            format!("{} and {} more", names[..MOST_LISTED].join(", "), number - MOST_LISTED)
        }
        _ => names.join(", "),
    }
}

/// The names with the verb.
fn are(names: &[&str]) -> String {
    format!("{} {}", listed(names), if names.len() == 1 { "is" } else { "are" })
}

/// Reads θ from the tensors under `prefix`; f32 and f64 files are read into either.
pub(crate) fn parameters_from<T: Scalar>(
    path: &Path,
    file: &SafeTensors<'_>,
    network: &Network,
    prefix: &str,
) -> Result<Vec<T>, Error> {
    let wrong = |reason: String| Error::File { path: path.into(), reason };
    let mut torch = vec![T::ZERO; network.parameters()];
    for tensor in network.tensors() {
        let name = format!("{prefix}{}", tensor.name);
        let view = file
            .tensor(&name)
            .map_err(|_| wrong(format!("it has no tensor {name}; is it of another network?")))?;
        if view.shape() != tensor.shape {
            let (found, expected) = (view.shape(), &tensor.shape);
            return Err(wrong(format!("tensor {name} is {found:?}, the network has {expected:?}")));
        }
        let to = &mut torch[tensor.range.clone()];
        numbers(&view, to).ok_or_else(|| {
            wrong(format!("tensor {name} is of type {:?}; convert it to F32 or F64", view.dtype()))
        })?;
    }
    Ok(network.from_torch_order(&torch))
}

/// The numbers of a tensor, or nothing if it is of another type.
pub(crate) fn numbers<T: Scalar>(view: &TensorView<'_>, to: &mut [T]) -> Option<()> {
    let bytes = view.data();
    match view.dtype() {
        Dtype::F32 => {
            for (to, x) in to.iter_mut().zip(bytes.as_chunks::<4>().0) {
                *to = T::from_f64(f64::from(f32::from_le_bytes(*x)));
            }
        }
        Dtype::F64 => {
            for (to, x) in to.iter_mut().zip(bytes.as_chunks::<8>().0) {
                *to = T::from_f64(f64::from_le_bytes(*x));
            }
        }
        _ => return None,
    }
    Some(())
}

/// Writes to a temporary name beside `path`, syncs, renames.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let io = |source| Error::Io { path: path.into(), source };
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    // Readable as far as the user's own settings allow, unlike a temporary file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder).map_err(io)?;
    file.write_all(bytes).map_err(io)?;
    file.as_file().sync_all().map_err(io)?;
    file.persist(path).map_err(|error| io(error.error))?;
    Ok(())
}
