//! Where boxes and lines go: a layered drawing.
//!
//! After Sugiyama, Tagawa, Toda, *Methods for Visual Understanding of
//! Hierarchical System Structures* (1981, doi:10.1109/TSMC.1981.4308636): nodes
//! go to layers, long edges get a waypoint in each layer they cross, layers are
//! ordered by the mean position of neighbours so that few edges cross, and
//! positions follow neighbours as far as the boxes' widths allow.

/// Rounds of ordering; more changes little in graphs of this size.
const ORDER_ROUNDS: usize = 12;
/// Rounds of positioning.
const POSITION_ROUNDS: usize = 24;
const GAP_PX: f64 = 36.0;

/// A drawing without its look. Positions in px, of the centres.
pub(super) struct Layout {
    /// For each node its horizontal position and its layer, counted from the top.
    pub(super) nodes: Vec<(f64, usize)>,
    /// For each edge the horizontal positions in the layers from its start to its end.
    pub(super) edges: Vec<Vec<f64>>,
    pub(super) width: f64,
    pub(super) layers: usize,
}

struct Vertex {
    layer: usize,
    width: f64,
    up: Vec<usize>,
    down: Vec<usize>,
    x: f64,
}

/// Lays out nodes of these widths; each edge leads from a lower to a higher index.
pub(super) fn layout(widths: &[f64], edges: &[(u32, u32)]) -> Layout {
    let layer_of = layers(widths.len(), edges);
    let mut vertices: Vec<Vertex> = widths
        .iter()
        .zip(&layer_of)
        .map(|(width, layer)| Vertex {
            layer: *layer,
            width: *width,
            up: Vec::new(),
            down: Vec::new(),
            x: 0.0,
        })
        .collect();
    let mut paths = Vec::with_capacity(edges.len());
    for (from, to) in edges {
        let (from, to) = (*from as usize, *to as usize);
        let mut path = vec![from];
        for layer in layer_of[from] + 1..layer_of[to] {
            path.push(vertices.len());
            vertices.push(Vertex {
                layer,
                width: 0.0,
                up: Vec::new(),
                down: Vec::new(),
                x: 0.0,
            });
        }
        path.push(to);
        for pair in path.windows(2) {
            vertices[pair[0]].down.push(pair[1]);
            vertices[pair[1]].up.push(pair[0]);
        }
        paths.push(path);
    }
    let layers = vertices
        .iter()
        .map(|vertex| vertex.layer + 1)
        .max()
        .unwrap_or(0);
    let mut rows = vec![Vec::new(); layers];
    for (index, vertex) in vertices.iter().enumerate() {
        rows[vertex.layer].push(index);
    }
    order(&mut vertices, &mut rows);
    position(&mut vertices, &rows);

    let edge = |vertex: &Vertex, side: f64| vertex.x + side * vertex.width / 2.0;
    let left = vertices
        .iter()
        .map(|vertex| edge(vertex, -1.0))
        .fold(f64::INFINITY, f64::min);
    let right = vertices
        .iter()
        .map(|vertex| edge(vertex, 1.0))
        .fold(f64::NEG_INFINITY, f64::max);
    let shift = if left.is_finite() { left } else { 0.0 };
    Layout {
        nodes: vertices[..widths.len()]
            .iter()
            .map(|vertex| (vertex.x - shift, vertex.layer))
            .collect(),
        edges: paths
            .iter()
            .map(|path| path.iter().map(|v| vertices[*v].x - shift).collect())
            .collect(),
        width: if right > left { right - left } else { 0.0 },
        layers,
    }
}

/// Each node one layer below the lowest that feeds it; sources just above the first they feed.
fn layers(nodes: usize, edges: &[(u32, u32)]) -> Vec<usize> {
    let mut layer = vec![0; nodes];
    let mut fed = vec![false; nodes];
    let mut sorted = edges.to_vec();
    sorted.sort_unstable_by_key(|(_, to)| *to);
    for (from, to) in sorted {
        layer[to as usize] = layer[to as usize].max(layer[from as usize] + 1);
        fed[to as usize] = true;
    }
    let mut first_use = vec![usize::MAX; nodes];
    for (from, to) in edges {
        let use_layer = &mut first_use[*from as usize];
        *use_layer = (*use_layer).min(layer[*to as usize]);
    }
    for node in 0..nodes {
        if !fed[node] && first_use[node] != usize::MAX {
            layer[node] = first_use[node] - 1;
        }
    }
    layer
}

fn order(vertices: &mut [Vertex], rows: &mut [Vec<usize>]) {
    let place = |vertices: &mut [Vertex], row: &[usize]| {
        for (position, vertex) in row.iter().enumerate() {
            vertices[*vertex].x = position as f64;
        }
    };
    for row in rows.iter() {
        place(vertices, row);
    }
    for round in 0..ORDER_ROUNDS {
        let downwards = round % 2 == 0;
        let count = rows.len();
        for step in 0..count {
            let row = &mut rows[if downwards { step } else { count - 1 - step }];
            let wish = |vertex: &usize| {
                let vertex = &vertices[*vertex];
                let neighbours = if downwards { &vertex.up } else { &vertex.down };
                mean(neighbours.iter().map(|neighbour| vertices[*neighbour].x)).unwrap_or(vertex.x)
            };
            let mut wished: Vec<(f64, usize)> =
                row.iter().map(|vertex| (wish(vertex), *vertex)).collect();
            wished.sort_by(|a, b| a.0.total_cmp(&b.0));
            *row = wished.into_iter().map(|(_, vertex)| vertex).collect();
            place(vertices, row);
        }
    }
}

fn position(vertices: &mut [Vertex], rows: &[Vec<usize>]) {
    for row in rows {
        let mut x = 0.0;
        for vertex in row {
            let width = vertices[*vertex].width;
            vertices[*vertex].x = x + width / 2.0;
            x += width + GAP_PX;
        }
    }
    for round in 0..POSITION_ROUNDS {
        for step in 0..rows.len() {
            let row = &rows[if round % 2 == 0 {
                step
            } else {
                rows.len() - 1 - step
            }];
            let wishes: Vec<f64> = row
                .iter()
                .map(|vertex| {
                    let vertex = &vertices[*vertex];
                    let neighbours = vertex.up.iter().chain(&vertex.down);
                    mean(neighbours.map(|neighbour| vertices[*neighbour].x)).unwrap_or(vertex.x)
                })
                .collect();
            let widths: Vec<f64> = row.iter().map(|vertex| vertices[*vertex].width).collect();
            for (vertex, x) in row.iter().zip(apart(&wishes, &widths)) {
                vertices[*vertex].x = x;
            }
        }
    }
}

/// The positions nearest to the wishes (least squares) that keep boxes apart and in order:
/// isotonic regression by pooling adjacent violators.
fn apart(wishes: &[f64], widths: &[f64]) -> Vec<f64> {
    let mut offset = 0.0;
    let mut offsets = Vec::with_capacity(wishes.len());
    // Blocks that move together: sum of what is wished, count.
    let mut blocks: Vec<(f64, usize)> = Vec::new();
    for (index, wish) in wishes.iter().enumerate() {
        if index > 0 {
            offset += f64::midpoint(widths[index - 1], widths[index]) + GAP_PX;
        }
        offsets.push(offset);
        let mut block = (wish - offset, 1);
        while let Some((sum, count)) = blocks.last()
            && sum / *count as f64 > block.0 / block.1 as f64
        {
            block = (block.0 + sum, block.1 + count);
            blocks.pop();
        }
        blocks.push(block);
    }
    let starts = blocks
        .iter()
        .flat_map(|(sum, count)| std::iter::repeat_n(sum / *count as f64, *count));
    starts
        .zip(offsets)
        .map(|(start, offset)| start + offset)
        .collect()
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_stay_apart_and_near_their_wishes() {
        // Two boxes of 100 px wishing for the same place stand 136 px apart, about it.
        assert_eq!(apart(&[50.0, 50.0], &[100.0, 100.0]), [-18.0, 118.0]);
        assert_eq!(apart(&[0.0, 500.0], &[100.0, 100.0]), [0.0, 500.0]);
    }

    #[test]
    fn a_diamond_has_three_layers_and_is_symmetric() {
        let layout = layout(&[100.0; 4], &[(0, 1), (0, 2), (1, 3), (2, 3)]);
        let layers: Vec<usize> = layout.nodes.iter().map(|node| node.1).collect();
        assert_eq!(layers, [0, 1, 1, 2]);
        assert!((layout.nodes[0].0 - layout.nodes[3].0).abs() < 1e-3);
        assert!((layout.width - 236.0).abs() < 1e-3);
    }

    #[test]
    fn no_boxes_of_a_layer_overlap() {
        let edges: Vec<(u32, u32)> = (1..12)
            .flat_map(|to| [(to / 2, to), (to / 3, to)])
            .collect();
        let widths: Vec<f64> = (0..12).map(|i| 60.0 + 10.0 * f64::from(i)).collect();
        let layout = layout(&widths, &edges);
        for (i, a) in layout.nodes.iter().enumerate() {
            for (j, b) in layout
                .nodes
                .iter()
                .enumerate()
                .filter(|(j, b)| *j > i && b.1 == a.1)
            {
                assert!((a.0 - b.0).abs() + 1e-3 >= f64::midpoint(widths[i], widths[j]) + GAP_PX);
            }
        }
    }
}
