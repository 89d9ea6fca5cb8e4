//! Which outputs depend on which inputs within a cycle.

use std::collections::{BTreeMap, BTreeSet};

use crate::flat::Flat;

/// For each output of the top, the inputs that reach it through no register or memory.
pub(crate) fn dependencies(flat: &Flat) -> BTreeMap<String, BTreeSet<String>> {
    let names: Vec<&String> = flat.inputs.keys().collect();
    let words = names.len().div_ceil(64);
    let mut sets = vec![vec![0u64; words]; flat.nodes.len()];
    for (i, node) in flat.inputs.values().enumerate() {
        sets[*node][i / 64] |= 1 << (i % 64);
    }
    // Nodes stand after their operands, so one pass is enough.
    for i in 0..flat.nodes.len() {
        for &operand in &flat.nodes[i].operands {
            let (before, from_here) = sets.split_at_mut(i);
            from_here[0].iter_mut().zip(&before[operand]).for_each(|(to, from)| *to |= from);
        }
    }
    let outputs = flat.outputs.iter().filter(|(name, _)| !name.contains('.'));
    outputs
        .map(|(name, node)| {
            let inputs = (0..names.len()).filter(|i| sets[*node][i / 64] >> (i % 64) & 1 == 1);
            (name.clone(), inputs.map(|i| names[i].clone()).collect())
        })
        .collect()
}
