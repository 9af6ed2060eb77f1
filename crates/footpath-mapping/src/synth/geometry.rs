//! Points, directions and oriented rectangles on the ground, in metres.

use std::ops::{Add, Mul, Sub};

/// A point or vector in metres; x grows to the right of the tile, y downwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Vec2 {
    pub(crate) x: f32,
    pub(crate) y: f32,
}

pub(crate) const fn vec2(x: f32, y: f32) -> Vec2 {
    Vec2 { x, y }
}

impl Vec2 {
    /// The unit vector at `angle` radians from the x axis.
    pub(crate) fn from_angle(angle: f32) -> Self {
        vec2(libm::cosf(angle), libm::sinf(angle))
    }

    pub(crate) fn dot(self, other: Self) -> f32 {
        self.x * other.x + self.y * other.y
    }

    pub(crate) fn cross(self, other: Self) -> f32 {
        self.x * other.y - self.y * other.x
    }

    pub(crate) fn length(self) -> f32 {
        self.dot(self).sqrt()
    }

    /// Turned by a quarter, from x towards y.
    pub(crate) fn perpendicular(self) -> Self {
        vec2(-self.y, self.x)
    }
}

impl Add for Vec2 {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        vec2(self.x + other.x, self.y + other.y)
    }
}

impl Sub for Vec2 {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        vec2(self.x - other.x, self.y - other.y)
    }
}

impl Mul<f32> for Vec2 {
    type Output = Self;
    fn mul(self, factor: f32) -> Self {
        vec2(self.x * factor, self.y * factor)
    }
}

/// A local frame: an origin on the ground and the direction of its x axis.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub(crate) origin: Vec2,
    /// Unit vector of the local x axis.
    pub(crate) axis: Vec2,
}

impl Frame {
    pub(crate) fn new(origin: Vec2, angle: f32) -> Self {
        Self {
            origin,
            axis: Vec2::from_angle(angle),
        }
    }

    pub(crate) fn to_world(self, local: Vec2) -> Vec2 {
        self.origin + self.turn(local)
    }

    pub(crate) fn to_local(self, world: Vec2) -> Vec2 {
        let d = world - self.origin;
        vec2(d.dot(self.axis), d.dot(self.axis.perpendicular()))
    }

    /// A local direction as a world direction.
    pub(crate) fn turn(self, local: Vec2) -> Vec2 {
        self.axis * local.x + self.axis.perpendicular() * local.y
    }

    /// The frame with its origin moved to a local point.
    pub(crate) fn moved(self, local: Vec2) -> Self {
        Self {
            origin: self.to_world(local),
            axis: self.axis,
        }
    }
}

/// A rectangle along the axes of some frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rect {
    pub(crate) min: Vec2,
    pub(crate) max: Vec2,
}

impl Rect {
    pub(crate) fn new(x0: f32, y0: f32, x1: f32, y1: f32) -> Self {
        Self {
            min: vec2(x0.min(x1), y0.min(y1)),
            max: vec2(x0.max(x1), y0.max(y1)),
        }
    }

    /// Centred on the frame's origin.
    pub(crate) fn centred(width: f32, height: f32) -> Self {
        Self::new(-width / 2.0, -height / 2.0, width / 2.0, height / 2.0)
    }

    pub(crate) fn centre(self) -> Vec2 {
        (self.min + self.max) * 0.5
    }

    pub(crate) fn width(self) -> f32 {
        self.max.x - self.min.x
    }

    pub(crate) fn height(self) -> f32 {
        self.max.y - self.min.y
    }

    pub(crate) fn contains(self, p: Vec2) -> bool {
        p.x >= self.min.x && p.x < self.max.x && p.y >= self.min.y && p.y < self.max.y
    }

    pub(crate) fn grown(self, margin: f32) -> Self {
        Self {
            min: self.min - vec2(margin, margin),
            max: self.max + vec2(margin, margin),
        }
    }

    /// Corners in order around the rectangle.
    pub(crate) fn corners(self) -> [Vec2; 4] {
        [
            self.min,
            vec2(self.max.x, self.min.y),
            self.max,
            vec2(self.min.x, self.max.y),
        ]
    }

    /// The smallest rectangle around `points`.
    pub(crate) fn around(points: &[Vec2]) -> Self {
        let mut bounds = Self {
            min: points[0],
            max: points[0],
        };
        for p in points {
            bounds.min = vec2(bounds.min.x.min(p.x), bounds.min.y.min(p.y));
            bounds.max = vec2(bounds.max.x.max(p.x), bounds.max.y.max(p.y));
        }
        bounds
    }
}

/// Twice-signed area halved: positive if the ring turns from x towards y.
pub(crate) fn ring_area(ring: &[Vec2]) -> f32 {
    let mut twice = 0.0;
    for (i, &a) in ring.iter().enumerate() {
        twice += a.cross(ring[(i + 1) % ring.len()]);
    }
    twice / 2.0
}

/// Whether two convex rings come closer than `gap` (by separating axes of their edges).
pub(crate) fn convex_rings_meet(a: &[Vec2], b: &[Vec2], gap: f32) -> bool {
    let separated_along_edges_of = |edges: &[Vec2]| {
        (0..edges.len()).any(|i| {
            let edge = edges[(i + 1) % edges.len()] - edges[i];
            let normal = edge.perpendicular() * (1.0 / edge.length().max(1e-6));
            let span = |ring: &[Vec2]| {
                ring.iter().fold((f32::MAX, f32::MIN), |(low, high), p| {
                    let d = p.dot(normal);
                    (low.min(d), high.max(d))
                })
            };
            let (a, b) = (span(a), span(b));
            a.0 > b.1 + gap || b.0 > a.1 + gap
        })
    };
    !separated_along_edges_of(a) && !separated_along_edges_of(b)
}

/// 0 below `low`, 1 above `high`, smooth between.
pub(crate) fn smoothstep(low: f32, high: f32, x: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_invert() {
        let frame = Frame::new(vec2(3.0, -2.0), 0.7);
        let p = vec2(1.25, 4.5);
        let back = frame.to_local(frame.to_world(p));
        assert!((back - p).length() < 1e-5, "{back:?}");
    }

    #[test]
    fn convex_rings_meet_within_the_gap() {
        let a = Rect::new(0.0, 0.0, 2.0, 1.0).corners();
        let b = Rect::new(2.5, 0.0, 3.0, 1.0).corners();
        assert!(!convex_rings_meet(&a, &b, 0.4));
        assert!(convex_rings_meet(&a, &b, 0.6));
        assert!((ring_area(&a) - 2.0).abs() < 1e-6);
    }
}
