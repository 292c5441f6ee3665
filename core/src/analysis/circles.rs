//! Groups of nodes that lead to each other, in linear time: types that extend themselves, grants that need themselves.

use std::collections::BTreeSet;

/// Numbers of one search (Tarjan 1972, without recursion).
struct Search<'e> {
    edges: &'e [Vec<usize>],
    /// When a node was first met, from 1; 0: not yet.
    met: Vec<usize>,
    /// The earliest met node that is known to be reached.
    low: Vec<usize>,
    is_open: Vec<bool>,
    open: Vec<usize>,
    found: Vec<BTreeSet<usize>>,
}

/// Every group of nodes that reach each other; a node alone only where an edge leads to itself.
///
/// Shapes: `edges[n]` are the nodes that `n` leads to, each below `edges.len()`; duplicates do no harm.
/// Cost: linear in nodes and edges.
pub fn circles(edges: &[Vec<usize>]) -> Vec<BTreeSet<usize>> {
    let n = edges.len();
    let (met, low, is_open) = (vec![0; n], vec![0; n], vec![false; n]);
    let mut search = Search { edges, met, low, is_open, open: Vec::new(), found: Vec::new() };
    let mut n_met = 0;
    for start in 0..n {
        if search.met[start] == 0 {
            search.from(start, &mut n_met);
        }
    }
    search.found
}

impl Search<'_> {
    fn from(&mut self, start: usize, n_met: &mut usize) {
        let edges = self.edges;
        // Node, which of its edges is next.
        let mut path = vec![(start, 0)];
        self.enter(start, n_met);
        while let Some((node, next)) = path.last_mut() {
            let node = *node;
            match edges[node].get(*next) {
                Some(to) => {
                    *next += 1;
                    if self.met[*to] == 0 {
                        self.enter(*to, n_met);
                        path.push((*to, 0));
                    } else if self.is_open[*to] {
                        self.low[node] = self.low[node].min(self.met[*to]);
                    }
                }
                None => {
                    path.pop();
                    if let Some((above, _)) = path.last() {
                        self.low[*above] = self.low[*above].min(self.low[node]);
                    }
                    self.leave(node);
                }
            }
        }
    }

    fn enter(&mut self, node: usize, n_met: &mut usize) {
        *n_met += 1;
        (self.met[node], self.low[node], self.is_open[node]) = (*n_met, *n_met, true);
        self.open.push(node);
    }

    fn leave(&mut self, node: usize) {
        if self.low[node] != self.met[node] {
            return;
        }
        let mut group = BTreeSet::new();
        while let Some(member) = self.open.pop() {
            self.is_open[member] = false;
            group.insert(member);
            if member == node {
                break;
            }
        }
        if group.len() > 1 || self.edges[node].contains(&node) {
            self.found.push(group);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_found_and_ways_that_only_meet_are_not() {
        let edges = [vec![1], vec![2], vec![0, 3], vec![4], vec![], vec![5], vec![4, 3]];
        let found = circles(&edges);
        assert_eq!(found, [BTreeSet::from([0, 1, 2]), BTreeSet::from([5])]);
        assert!(circles(&[]).is_empty());
        let long: Vec<Vec<usize>> = (0..200_000).map(|n| vec![(n + 1) % 200_000]).collect();
        assert_eq!(circles(&long).len(), 1);
    }
}
