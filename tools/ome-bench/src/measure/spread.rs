//! Median, least and most of a few values.

/// Median, least and most.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Spread {
    /// Middle value; mean of the two in the middle for an even number.
    pub median: f64,
    /// Least value.
    pub min: f64,
    /// Most.
    pub max: f64,
}

impl Spread {
    /// Spread of `values`; `None` where there are none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let upper = *sorted.get(sorted.len() / 2)?;
        let lower = *sorted.get((sorted.len() - 1) / 2)?;
        Some(Self { median: lower.midpoint(upper), min, max })
    }

    /// How many times the least the most is; infinite where the least is zero and the most is not.
    pub fn unrest(&self) -> f64 {
        if self.max == self.min { 1.0 } else { self.max / self.min }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_of_odd_and_even_numbers_of_values() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0]).map(|spread| spread.median), Some(2.5));
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn unrest_compares_the_extremes() {
        assert_eq!(Spread::of([0.5, 1.0, 2.0]).map(|spread| spread.unrest()), Some(4.0));
        assert_eq!(Spread::of([0.0, 0.0]).map(|spread| spread.unrest()), Some(1.0));
        assert_eq!(Spread::of([0.0, 1.0]).map(|spread| spread.unrest()), Some(f64::INFINITY));
    }
}
