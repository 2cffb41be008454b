//! Parameter files: round trips through PyTorch's layout, and refusals that name what is wrong.

use minimascope_net::train::{Checkpoint, Settings, Trainer};
use minimascope_net::{Examples, Execution, Network, files};
use minimascope_record::architecture::{Architecture, Layer, Shape};
use minimascope_record::training::{Initialization, Loss, Optimizer};
use safetensors::tensor::{Dtype, TensorView};

fn network(channels: usize) -> Network {
    let layers = vec![
        Layer::Convolution { channels, kernel: 3, stride: 1, padding: 1, bias: true },
        Layer::GlobalAveragePool,
        Layer::Linear { outputs: 2, bias: true },
    ];
    Network::new(&Architecture { input: Shape { channels: 2, height: 4, width: 4 }, layers })
        .unwrap()
}

#[test]
fn parameters_come_back_and_lie_as_pytorch_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("final.safetensors");
    let network = network(3);
    let theta = network.initialize(&Initialization::default(), 1);
    files::write_parameters(&path, &network, &theta).unwrap();
    assert_eq!(files::read_parameters::<f64>(&path, &network).unwrap(), theta);
    assert_eq!(network.from_torch_order(&network.to_torch_order(&theta)), theta);
    // Element (o, c, i, j) of the first filter: ((i·3 + j)·C_in + c)·C_out + o here.
    let bytes = std::fs::read(&path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let filter = file.tensor("0.weight").unwrap();
    assert_eq!(filter.shape(), [3, 2, 3, 3]);
    let numbers: Vec<f64> =
        filter.data().as_chunks().0.iter().map(|x| f64::from_le_bytes(*x)).collect();
    let (o, c, i, j) = (2, 1, 0, 2);
    assert_eq!(numbers[((o * 2 + c) * 3 + i) * 3 + j], theta[((i * 3 + j) * 2 + c) * 3 + o]);
}

/// Parameters and checkpoints have the mode of any file that this process makes.
#[cfg(unix)]
#[test]
fn files_follow_the_users_umask() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let network = network(3);
    let theta = network.initialize(&Initialization::default(), 1);
    std::fs::write(path("plain"), "").unwrap();
    files::write_parameters(&path("final.safetensors"), &network, &theta).unwrap();
    let (loss, execution) = (Loss::MeanSquaredError, Execution::new(1, 1 << 20).unwrap());
    let inputs = vec![0.5; network.input().size()];
    let examples = Examples::from_targets(&network, loss, &inputs, &[1.0, 0.0]).unwrap();
    let settings = Settings::plain(0.1, 1);
    let trainer = Trainer::new(&network, loss, &examples, settings, theta, &execution).unwrap();
    trainer.checkpoint().write(&path("checkpoint.safetensors"), &network).unwrap();
    let mode = |name: &str| {
        let mode = std::fs::metadata(path(name)).unwrap().permissions().mode() & 0o777;
        format!("{mode:o}")
    };
    assert_eq!(mode("final.safetensors"), mode("plain"));
    assert_eq!(mode("checkpoint.safetensors"), mode("plain"));
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("final.safetensors");
    let (right, other) = (network(3), network(4));
    let mut theta = right.initialize(&Initialization::default(), 1);
    let refuse = || files::read_parameters::<f32>(&path, &right).unwrap_err().to_string();
    assert!(refuse().contains("final.safetensors: "), "{}", refuse());
    files::write_parameters(&path, &other, &vec![0.5; other.parameters()]).unwrap();
    assert!(refuse().ends_with("tensor 0.weight is [4, 2, 3, 3], the network has [3, 2, 3, 3]"));
    theta[60] = f64::NAN;
    files::write_parameters(&path, &right, &theta).unwrap();
    assert!(refuse().contains("tensor 2.weight holds a number that is not finite"), "{}", refuse());
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    assert!(refuse().contains("it is not a whole safetensors file"), "{}", refuse());
}

/// The tensors of a linear network of three inputs and two outputs under these names.
fn named(folder: &std::path::Path, names: &[&str]) -> std::path::PathBuf {
    let path = folder.join("some.safetensors");
    let bytes = [0; 24];
    let view = || TensorView::new(Dtype::F32, vec![2, 3], &bytes).unwrap();
    let tensors = names.iter().map(|name| (*name, view()));
    std::fs::write(&path, safetensors::serialize(tensors, None).unwrap()).unwrap();
    path
}

#[test]
fn a_file_holds_the_tensors_of_the_network_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let layers = vec![Layer::Linear { outputs: 2, bias: false }];
    let input = Shape { channels: 3, height: 1, width: 1 };
    let network = Network::new(&Architecture { input, layers }).unwrap();
    let read = |names: &[&str]| {
        let read = files::read_parameters::<f64>(&named(folder.path(), names), &network);
        read.map_err(|error| error.to_string().split_once(": ").unwrap().1.to_owned())
    };
    assert_eq!(read(&["0.weight"]), Ok(vec![0.0; 6]));
    let other = "describe the network that was saved, or save no other tensors";
    for (names, said) in [
        (&["0.weight", "0.bias"][..], "0.bias, 0.weight: 0.bias is not in the network"),
        (
            &["0.weight", "2.bias", "2.weight"],
            "0.weight, 2.bias, 2.weight: 2.bias, 2.weight are not in the network",
        ),
        (&["fc1.weight"], "fc1.weight: 0.weight is missing, fc1.weight is not in the network"),
        (&[], "no tensor: 0.weight is missing"),
    ] {
        assert_eq!(read(names).unwrap_err(), format!("it holds {said}; {other}"));
    }
    for prefix in ["_orig_mod.", "module.", "module._orig_mod.", "model.net."] {
        let said = read(&[&format!("{prefix}0.weight")]).unwrap_err();
        let end = format!("only the prefix `{prefix}` differs, save the tensors without it");
        assert!(said.ends_with(&end), "{said}");
    }
    let many: Vec<String> = (0..12).map(|index| format!("block.{index:02}")).collect();
    let said = read(&many.iter().map(String::as_str).collect::<Vec<_>>()).unwrap_err();
    assert!(said.contains("block.07 and 4 more: ") && !said.contains("block.08"), "{said}");
}

type NamedViews<'a> = Vec<(String, TensorView<'a>)>;

#[test]
fn a_checkpoint_with_another_tensor_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let network = network(3);
    let theta = network.initialize(&Initialization::default(), 1);
    let (loss, execution) = (Loss::MeanSquaredError, Execution::new(1, 1 << 20).unwrap());
    let inputs = vec![0.5; network.input().size()];
    let examples = Examples::from_targets(&network, loss, &inputs, &[1.0, 0.0]).unwrap();
    let settings =
        Settings { optimizer: Optimizer::HeavyBall { momentum: 0.9 }, ..Settings::plain(0.1, 1) };
    let trainer = Trainer::new(&network, loss, &examples, settings, theta, &execution).unwrap();
    trainer.checkpoint().write(&path, &network).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let with = |change: &dyn Fn(&mut NamedViews<'_>)| {
        let mut tensors = file.tensors();
        change(&mut tensors);
        std::fs::write(&path, safetensors::serialize(tensors, header.metadata().clone()).unwrap())
            .unwrap();
        Checkpoint::<f64>::read(&path, &network).map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(with(&|_| {}), Ok(()));
    let more = with(&|tensors| tensors.push(("parameters.9.weight".into(), tensors[0].1.clone())));
    assert!(more.unwrap_err().contains("parameters.9.weight is not in the network"));
    let less = with(&|tensors| tensors.retain(|(name, _)| name != "momentum.0.bias"));
    assert!(less.unwrap_err().contains("momentum.0.bias is missing"));
}

/// A safetensors file as bytes, from its header and the number of its zero bytes.
fn with_header(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(vec![0; data]);
    bytes
}

#[test]
fn a_tensor_that_is_named_twice_is_refused() {
    let layers = vec![Layer::Linear { outputs: 2, bias: false }];
    let input = Shape { channels: 3, height: 1, width: 1 };
    let network = Network::new(&Architecture { input, layers }).unwrap();
    let tensor = r#""0.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}"#;
    let read = |header: &str| {
        files::from_bytes::<f64>("a.safetensors".as_ref(), &with_header(header, 24), &network)
            .map_err(|error| error.to_string())
    };
    assert_eq!(read(&format!("{{{tensor}}}")), Ok(vec![0.0; 6]));
    let refused = read(&format!("{{{tensor},{tensor}}}")).unwrap_err();
    assert!(refused.contains("the key 0.weight is named twice"), "{refused}");
    let metadata = format!(r#"{{"__metadata__":{{"step":"1","step":"2"}},{tensor}}}"#);
    let refused = read(&metadata).unwrap_err();
    assert!(refused.contains("the key step is named twice"), "{refused}");
}

#[test]
fn a_checkpoint_whose_header_no_run_writes_is_refused() {
    let layers = vec![Layer::Linear { outputs: 1, bias: false }];
    let input = Shape { channels: 1, height: 1, width: 1 };
    let network = Network::new(&Architecture { input, layers }).unwrap();
    let read = |step: &str, seconds: &str, average: &str| {
        let header = format!(
            r#"{{"__metadata__":{{"format":"minimascope checkpoint 1","step":"{step}","seconds":"{seconds}","average_bits":"{average}"}},"parameters.0.weight":{{"dtype":"F64","shape":[1,1],"data_offsets":[0,8]}}}}"#
        );
        Checkpoint::<f64>::from_bytes("a.safetensors".as_ref(), &with_header(&header, 8), &network)
            .map(|read| read.step())
            .map_err(|error| error.to_string())
    };
    assert_eq!(read("7", "0.5", "3ff0000000000000"), Ok(7));
    for (step, seconds, average) in [
        ("7", "nan", "3ff0000000000000"),
        ("7", "inf", "3ff0000000000000"),
        ("7", "-1", "3ff0000000000000"),
        ("7", "0.5", "one"),
        ("seven", "0.5", "3ff0000000000000"),
    ] {
        let refused = read(step, seconds, average).unwrap_err();
        assert!(refused.contains("its header"), "{step} {seconds} {average}: {refused}");
    }
}

#[test]
fn parameters_are_whole_while_they_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("final.safetensors");
    let network = network(300);
    let parameters = |write: u8| vec![f64::from(write); network.parameters()];
    files::write_parameters(&path, &network, &parameters(0)).unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for write in 1..40 {
                files::write_parameters(&path, &network, &parameters(write)).unwrap();
            }
        });
        while !writer.is_finished() {
            let read = files::read_parameters::<f64>(&path, &network).unwrap();
            assert!(read.iter().all(|number| *number == read[0]));
        }
    });
}
