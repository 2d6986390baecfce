//! `chainrule plan`: what to expect of training on many machines.

mod measure;
mod show;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use chainrule_fit::parallel::Communicator;
use chainrule_fit::parallel::cost::{Job, Network};
use chainrule_fit::{Error, Result};
use clap::Args;

use crate::check::Trouble;
use crate::fit::{positive, rate, widths};
use crate::picture::{Ground, Picture};

/// Foresee how well training scales over machines, before they are rented
///
/// Time on the network is latency plus bytes over bandwidth for each message, time on a machine
/// that of its products of matrices. With --measure, under mpirun, the times of sums and of steps
/// are taken and kept in a file; with --measured, the network is fitted to such a file.
#[derive(Args)]
#[command(after_help = "\
Examples:
  chainrule plan --nodes 64 --gbps 100 --model mlp:4096,4096 --inputs 1000 --batch 65536
  mpirun -n 2 chainrule plan --measure times.jsonl --model mlp:512,512 --inputs 64
  chainrule plan --measured times.jsonl --model mlp:512,512 --inputs 64 --plot scaling.svg

Exit codes: 0 done, 1 failed, 2 misused.")]
pub(crate) struct Arguments {
    /// The network to be trained
    #[arg(long, value_name = "mlp:W,W,…", value_parser = mlp)]
    model: Widths,
    /// The columns that it predicts from
    #[arg(long, value_name = "N", default_value_t = 32, allow_negative_numbers = true,
          value_parser = positive)]
    inputs: usize,
    /// The numbers that it predicts
    #[arg(long, value_name = "N", default_value_t = 1, allow_negative_numbers = true,
          value_parser = positive)]
    outputs: usize,
    /// Rows for each step, of all machines together
    #[arg(long, value_name = "N", default_value_t = 4096, allow_negative_numbers = true,
          value_parser = positive)]
    batch: usize,
    /// The machines
    #[arg(long, value_name = "N", default_value_t = 64, allow_negative_numbers = true,
          value_parser = positive)]
    nodes: usize,
    /// The speed of the network between two of them, in Gbit/s
    #[arg(long, value_name = "X", default_value_t = 100.0, allow_negative_numbers = true,
          value_parser = rate)]
    gbps: f64,
    /// The time that a message takes at least, in microseconds
    #[arg(long, value_name = "X", default_value_t = 5.0, allow_negative_numbers = true,
          value_parser = rate)]
    latency_us: f64,
    /// What a machine computes, in 10⁹ operations a second [default: what this one does]
    #[arg(long, value_name = "X", allow_negative_numbers = true,
          value_parser = rate)]
    gflops: Option<f64>,
    /// Take times under mpirun, and add them to this file
    #[arg(long, value_name = "FILE.jsonl", conflicts_with = "measured")]
    measure: Option<PathBuf>,
    /// Fit the network to the times in this file, instead of --gbps and --latency-us
    #[arg(long, value_name = "FILE.jsonl")]
    measured: Option<PathBuf>,
    /// Draw what was measured and what is expected into this file, SVG or PNG by its name
    #[arg(long, value_name = "FILE.svg|png")]
    plot: Option<PathBuf>,
    #[command(flatten)]
    ground: Ground,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
}

/// The widths of hidden layers.
#[derive(Clone, Debug)]
struct Widths(Vec<usize>);

fn mlp(text: &str) -> std::result::Result<Widths, String> {
    widths(text).map(Widths)
}

impl Arguments {
    /// The numbers of neurons from the inputs to the outputs.
    fn layers(&self) -> Vec<usize> {
        [&[self.inputs], &self.model.0[..], &[self.outputs]].concat()
    }

    /// The weights of the network, those on neurons and those on none.
    fn weights(&self) -> f64 {
        let layers = self.layers();
        layers.windows(2).map(|w| (w[0] as f64 + 1.0) * w[1] as f64).sum()
    }

    /// The time of a row: each weight is multiplied and added once forwards and twice backwards.
    fn job(&self, network: Network) -> Job {
        let gflops = self.gflops.unwrap_or_else(own_gflops);
        let weights = self.weights();
        Job { bytes: 4.0 * weights, seconds_per_row: 6.0 * weights / gflops * 1e-9, network }
    }
}

/// 10⁹ operations a second of this machine in products of matrices, the best of some.
fn own_gflops() -> f64 {
    const N: usize = 512;
    let (a, b) = (chainrule::Tensor::ones([N, N]), chainrule::Tensor::ones([N, N]));
    let time = || {
        let begun = Instant::now();
        let done = chainrule::no_grad(|| a.matmul(&b)).to_vec::<f32>();
        done.map_or(f64::INFINITY, |_| begun.elapsed().as_secs_f64())
    };
    let best = (0..20).map(|_| time()).fold(f64::INFINITY, f64::min);
    2.0 * (N as f64).powi(3) / best * 1e-9
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments, ranks: &dyn Communicator) -> Result<ExitCode> {
    if let Some(file) = &arguments.measure {
        if ranks.size() == 1 && !crate::ranks::is_launched() {
            return Err(Error::new(
                "--measure takes times between processes; start it as `mpirun -n 2 chainrule plan \
                 --measure …`, with a chainrule that was built with MPI",
            ));
        }
        measure::run(arguments, ranks, file)?;
        return Ok(ExitCode::SUCCESS);
    }
    if !ranks.is_first() {
        return Ok(ExitCode::SUCCESS);
    }
    let picture = arguments.plot.as_deref().map(|path| Picture::new(path, arguments.ground));
    let picture = match picture.transpose() {
        Ok(picture) => picture,
        Err(Trouble::Misuse(text) | Trouble::Failure(text)) => {
            crate::note("error", &text);
            return Ok(ExitCode::from(2));
        }
    };
    let times = arguments.measured.as_deref().map(measure::read).transpose()?.unwrap_or_default();
    let network = match &arguments.measured {
        None => Network::of(arguments.gbps, arguments.latency_us),
        Some(path) => Network::fit(&times.sums).ok_or_else(|| {
            Error::new(format!(
                "{} has too few times of sums over several ranks; add some with `mpirun -n 2 \
                 chainrule plan --measure`",
                path.display()
            ))
        })?,
    };
    let job = arguments.job(network);
    if let Some(picture) = picture {
        let drawn = picture.write(&show::figure(arguments, &job, &times));
        drawn.map_err(|trouble| match trouble {
            Trouble::Misuse(text) | Trouble::Failure(text) => Error::new(text),
        })?;
    }
    let text = match arguments.json {
        true => format!("{:#}\n", show::json(arguments, &job, &times)),
        false => show::text(arguments, &job, &times),
    };
    crate::print(&text)?;
    Ok(ExitCode::SUCCESS)
}
