//! The progress of a scan, on standard error.

/// Counts the items that were read, and reports each further tenth of the table.
pub(crate) struct Progress {
    /// The number of items in the table as DynamoDB counted them in the last hours; 0 if it did not yet.
    total: u64,
    read: u64,
    reported_tenths: u64,
}

impl Progress {
    pub(crate) const fn new(total: u64) -> Self {
        Self {
            total,
            read: 0,
            reported_tenths: 0,
        }
    }

    /// Counts the items of one page.
    pub(super) fn add(&mut self, items: i32) {
        if let Some(line) = self.advance(u64::try_from(items).unwrap_or(0)) {
            eprintln!("{line}");
        }
    }

    /// Reports the final number.
    pub(super) fn finish(&self) {
        eprintln!("Read {} items.", self.read);
    }

    fn advance(&mut self, items: u64) -> Option<String> {
        self.read += items;
        let tenths = (self.read * 10).checked_div(self.total)?;
        // The rest of the last tenth is reported when the scan has ended; the table may have grown.
        if tenths <= self.reported_tenths || tenths >= 10 {
            return None;
        }
        self.reported_tenths = tenths;
        Some(format!("Read {} of about {} items.", self.read, self.total))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_further_tenth_is_reported() {
        let mut progress = Progress::new(1_000);
        let lines: Vec<_> = (0..13).filter_map(|_| progress.advance(90)).collect();
        assert_eq!(lines.first().unwrap(), "Read 180 of about 1000 items.");
        assert_eq!(lines.last().unwrap(), "Read 900 of about 1000 items.");
        assert_eq!(lines.len(), 9);
    }

    #[test]
    fn a_table_of_unknown_size_reports_its_end_only() {
        let mut progress = Progress::new(0);
        assert_eq!(progress.advance(500), None);
        assert_eq!(progress.read, 500);
    }
}
