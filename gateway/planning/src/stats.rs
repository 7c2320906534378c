//! Means of repeated runs with their confidence intervals.

/// Two-sided 95 % quantiles of Student's t for 1 to 30 degrees of freedom.
const T_95: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/// A mean with the half width of its 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// The true mean lies within this of it with 95 % confidence.
    pub margin: f64,
}

impl Estimate {
    /// True where the value lies in the interval.
    #[must_use]
    pub fn holds(&self, value: f64) -> bool {
        (value - self.mean).abs() <= self.margin
    }
}

/// The estimate from independent runs; none from fewer than two.
#[must_use]
pub fn estimate(values: &[f64]) -> Option<Estimate> {
    if values.len() < 2 {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "runs are few")]
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let freedom = values.len() - 1;
    // Beyond 30 degrees the quantile is nearly the normal one.
    let t = T_95.get(freedom - 1).copied().unwrap_or(1.960 + 2.4 / (n - 1.0));
    Some(Estimate {
        mean,
        margin: t * (variance / n).sqrt(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interval_of_known_numbers() {
        let four = estimate(&[1.0, 2.0, 3.0, 4.0]).unwrap();
        // Standard deviation 1.290994, t = 3.182 at 3 degrees.
        assert!(
            (four.mean - 2.5).abs() < 1e-12 && (four.margin - 2.0540).abs() < 1e-3,
            "{four:?}"
        );
        assert!(four.holds(4.5) && !four.holds(4.6));
        assert_eq!(estimate(&[1.0]), None);
        assert_eq!(estimate(&[2.0; 50]).unwrap().margin, 0.0);
    }
}
