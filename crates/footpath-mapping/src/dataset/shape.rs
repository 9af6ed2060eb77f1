//! The outline or mask of an annotation, as COCO writes it.

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::problem::ProblemKind;
use crate::rle::{self, Rle, RleRecord};

/// The parts of a polygon in one block of memory; a full data set holds millions.
#[derive(Debug, Clone, PartialEq)]
pub struct Parts {
    coordinates: Box<[f64]>,
    /// Where each part but the last ends in `coordinates`.
    inner_ends: Box<[u32]>,
}

impl Parts {
    /// Parts from lists of `x0, y0, x1, y1, …` in px.
    #[must_use]
    pub fn new(parts: &[Vec<f64>]) -> Self {
        let coordinates: Vec<f64> = parts.iter().flatten().copied().collect();
        let ends = parts.iter().scan(0, |end, part| {
            *end += part.len() as u32;
            Some(*end)
        });
        let inner_ends = ends.take(parts.len().saturating_sub(1)).collect();
        Self {
            coordinates: coordinates.into(),
            inner_ends,
        }
    }

    /// The parts, each a list of `x0, y0, x1, y1, …` in px.
    pub fn iter(&self) -> impl Iterator<Item = &[f64]> {
        let starts = std::iter::once(0).chain(self.inner_ends.iter().copied());
        let ends = self
            .inner_ends
            .iter()
            .copied()
            .chain([self.coordinates.len() as u32]);
        starts
            .zip(ends)
            .map(|(start, end)| &self.coordinates[start as usize..end as usize])
    }

    /// Least x, least y, greatest x, greatest y, px.
    #[must_use]
    pub fn bounds(&self) -> [f64; 4] {
        let start = [
            f64::INFINITY,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NEG_INFINITY,
        ];
        self.iter()
            .flat_map(|part| part.chunks_exact(2))
            .fold(start, |b, point| {
                [
                    b[0].min(point[0]),
                    b[1].min(point[1]),
                    b[2].max(point[0]),
                    b[3].max(point[1]),
                ]
            })
    }
}

/// A COCO `segmentation`.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// One or more polygon parts, united.
    Polygon(Parts),
    /// A run-length encoded mask.
    Rle(Box<RleRecord>),
}

impl Shape {
    /// Whether the shape can be drawn in an image of `width` x `height` px.
    ///
    /// # Errors
    /// As [`Self::to_rle`].
    pub fn check(&self, width: u32, height: u32) -> Result<(), ProblemKind> {
        match self {
            Self::Rle(record) => record.to_rle(width, height).map(|_| ()),
            Self::Polygon(parts) => check_parts(parts),
        }
    }

    /// The mask in an image of `width` x `height` px.
    ///
    /// # Errors
    /// What keeps the shape from being drawn: a polygon part with fewer than
    /// three points, an RLE of another size.
    pub fn to_rle(&self, width: u32, height: u32) -> Result<Rle, ProblemKind> {
        match self {
            Self::Rle(record) => record.to_rle(width, height),
            Self::Polygon(parts) => {
                check_parts(parts)?;
                let draw = |part: &[f64]| {
                    Rle::from_polygon(part, height, width).map_err(|e| ProblemKind::Malformed {
                        detail: e.to_string(),
                    })
                };
                let masks = parts.iter().map(draw).collect::<Result<Vec<_>, _>>()?;
                Ok(match <[Rle; 1]>::try_from(masks) {
                    Ok([mask]) => mask,
                    Err(masks) => rle::union(&masks, width, height),
                })
            }
        }
    }
}

/// Whether every part of a polygon can be drawn.
fn check_parts(parts: &Parts) -> Result<(), ProblemKind> {
    if parts.coordinates.is_empty() {
        return Err(ProblemKind::EmptySegmentation);
    }
    for (part, coordinates) in parts.iter().enumerate() {
        if coordinates.len() % 2 != 0 {
            return Err(ProblemKind::OddCoordinates {
                part,
                numbers: coordinates.len(),
            });
        }
        if coordinates.len() < 6 {
            return Err(ProblemKind::TooFewPoints {
                part,
                points: coordinates.len() / 2,
            });
        }
        if let Some(bad) = coordinates.iter().find(|c| !c.is_finite()) {
            return Err(ProblemKind::NotFinite {
                literal: bad.to_string(),
            });
        }
    }
    Ok(())
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ShapeVisitor;

        impl<'de> Visitor<'de> for ShapeVisitor {
            type Value = Shape;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of polygon parts or an RLE object")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Shape, A::Error> {
                let (mut coordinates, mut ends) = (Vec::with_capacity(32), Vec::new());
                while seq.next_element_seed(PartSeed(&mut coordinates))?.is_some() {
                    ends.push(coordinates.len() as u32);
                }
                ends.pop();
                Ok(Shape::Polygon(Parts {
                    coordinates: coordinates.into(),
                    inner_ends: ends.into(),
                }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Shape, A::Error> {
                let record = RleRecord::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Shape::Rle(Box::new(record)))
            }
        }

        deserializer.deserialize_any(ShapeVisitor)
    }
}

/// Reads one polygon part behind those read before.
struct PartSeed<'a>(&'a mut Vec<f64>);

impl<'de> DeserializeSeed<'de> for PartSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for PartSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a polygon part [x0, y0, x1, y1, x2, y2, …]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(coordinate) = seq.next_element()? {
            self.0.push(coordinate);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Shape {
        serde_json::from_str(text).expect("valid")
    }

    #[test]
    fn every_part_is_kept_and_drawn() {
        let shape = parse("[[0,0,2,0,2,2,0,2],[4,0,5,0,5,4,4,4]]");
        let Shape::Polygon(parts) = &shape else {
            panic!("a polygon")
        };
        assert_eq!(parts.iter().map(<[f64]>::len).collect::<Vec<_>>(), [8, 8]);
        assert_eq!(parts.bounds(), [0.0, 0.0, 5.0, 4.0]);
        assert_eq!(shape.to_rle(6, 6).expect("drawable").area(), 4 + 4);
        let by_hand = Parts::new(&[
            vec![0., 0., 2., 0., 2., 2., 0., 2.],
            vec![4., 0., 5., 0., 5., 4., 4., 4.],
        ]);
        assert_eq!(&by_hand, parts);
    }

    #[test]
    fn parts_that_cannot_be_drawn_are_named() {
        let error = |text| parse(text).to_rle(6, 6).expect_err("not drawable");
        assert_eq!(
            error("[[0,0,2,0,2,2],[1,1,2,2]]"),
            ProblemKind::TooFewPoints { part: 1, points: 2 }
        );
        assert_eq!(
            error("[[0,0,2,0,2,2,1]]"),
            ProblemKind::OddCoordinates {
                part: 0,
                numbers: 7
            }
        );
        assert_eq!(error("[]"), ProblemKind::EmptySegmentation);
        assert_eq!(error("[[]]"), ProblemKind::EmptySegmentation);
    }

    #[test]
    fn an_rle_is_checked_against_the_image() {
        let shape = parse(r#"{"size": [2, 3], "counts": [2, 3, 1]}"#);
        assert_eq!(shape.to_rle(3, 2).expect("fits").area(), 3);
        assert!(matches!(
            shape.to_rle(2, 3),
            Err(ProblemKind::RleWrongSize { .. })
        ));
    }
}
