//! Rows become columns.

use crate::cpu::packing::{BLOCK, Turn};
use crate::cpu::simd::Level;

/// Turns rows into columns: `turned[column * height + row] = rows[row * pitch + column]`, for `height` rows of
/// `columns` values that lie `pitch` apart.
///
/// # Panics
/// If `rows` or `turned` (`[columns][height]`) is too short.
pub fn transpose(rows: &[f32], pitch: usize, height: usize, columns: usize, turned: &mut [f32]) {
    assert!(
        turned.len() >= height * columns,
        "{} values for {columns} columns of {height}",
        turned.len()
    );
    if height == 0 || columns == 0 {
        return;
    }
    // Whole blocks, if nothing is left beside them.
    if height.is_multiple_of(BLOCK) && columns.is_multiple_of(BLOCK) {
        Level::current().run(Turn {
            rows,
            pitch,
            depth: columns,
            width: height,
            turned,
        });
        return;
    }
    for (row, values) in rows.chunks(pitch.max(1)).take(height).enumerate() {
        for (column, &value) in values[..columns].iter().enumerate() {
            turned[column * height + row] = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::transpose;

    #[test]
    fn each_value_changes_its_row_for_its_column() {
        for (height, columns, pitch) in [
            (32, 16, 16),
            (16, 48, 50),
            (3, 2, 5),
            (17, 16, 16),
            (1, 1, 1),
        ] {
            let rows: Vec<f32> = (0..(height - 1) * pitch + columns)
                .map(|i| i as f32)
                .collect();
            let mut turned = vec![-1.0; height * columns + 1];
            transpose(&rows, pitch, height, columns, &mut turned);
            for row in 0..height {
                for column in 0..columns {
                    let value = turned[column * height + row];
                    assert_eq!(value, (row * pitch + column) as f32, "{height} x {columns}");
                }
            }
            assert_eq!(turned.last(), Some(&-1.0));
        }
    }
}
