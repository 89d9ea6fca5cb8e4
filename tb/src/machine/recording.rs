//! What all ports did in each cycle of a run, so that another simulator can be given the same and must do the same.

use hashwalk_hdl::{Design, Port};
use hashwalk_sim::{Dut, InPort, OutPort};

/// A run, cycle by cycle, from the end of reset on.
#[derive(Clone, Debug)]
pub struct Recording {
    inputs: Vec<(Port, InPort)>,
    outputs: Vec<(Port, OutPort)>,
    /// For each cycle the words of all inputs, then of all outputs.
    words: Vec<u64>,
}

/// One port in one cycle.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// Its name and width.
    pub port: &'a Port,
    /// Whether the bench drives it.
    pub is_input: bool,
    /// Its value, words lowest first: as driven, or as it stood before the clock edge.
    pub words: &'a [u64],
}

impl Recording {
    /// An empty recording of all ports of a design of which `dut` is an instance.
    ///
    /// # Errors
    /// The instance lacks a port of the design.
    pub fn new(design: &Design, dut: &Dut) -> Result<Recording, hashwalk_sim::Error> {
        let input = |port: &Port| Ok::<_, hashwalk_sim::Error>((port.clone(), dut.input(&port.name)?));
        let output = |port: &Port| Ok::<_, hashwalk_sim::Error>((port.clone(), dut.output(&port.name)?));
        Ok(Recording {
            inputs: design.inputs.iter().map(input).collect::<Result<_, _>>()?,
            outputs: design.outputs.iter().map(output).collect::<Result<_, _>>()?,
            words: Vec::new(),
        })
    }

    pub(super) fn record(&mut self, dut: &Dut) {
        for (_, port) in &self.inputs {
            self.words.extend(dut.input_words(*port));
        }
        for (_, port) in &self.outputs {
            self.words.extend(dut.get_wide(*port));
        }
    }

    /// The cycles in order, each with its inputs and then its outputs in the order of the design.
    pub fn cycles(&self) -> impl Iterator<Item = Vec<Sample<'_>>> {
        let ports = || {
            let inputs = self.inputs.iter().map(|(port, _)| (port, true));
            inputs.chain(self.outputs.iter().map(|(port, _)| (port, false)))
        };
        let in_cycle: usize = ports().map(|(port, _)| words(port)).sum();
        self.words.chunks(in_cycle).map(move |mut rest| {
            let sample = |(port, is_input)| {
                let (words, others) = rest.split_at(words(port));
                rest = others;
                Sample { port, is_input, words }
            };
            ports().map(sample).collect()
        })
    }
}

fn words(port: &Port) -> usize {
    port.width.div_ceil(64) as usize
}
