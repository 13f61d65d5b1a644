//! What a million requests cost by function and memory size, from measured processor time, round trips and units, with the
//! prices of docs/cost.md.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use crate::{Result, report::Figures};

/// The memory sizes of the table, in MB.
const SIZES: [f64; 6] = [128.0, 256.0, 512.0, 1024.0, 1769.0, 3008.0];
/// The memory at which a function has one whole processor, in MB (Lambda, "Configure Lambda function memory").
const WHOLE_PROCESSOR: f64 = 1769.0;
/// The assumed milliseconds of a round trip to DynamoDB, and to SES, EventBridge or EventBridge Scheduler.
const DYNAMODB_MILLISECONDS: f64 = 5.0;
const SERVICE_MILLISECONDS: f64 = 30.0;

/// The prices of us-east-1 in USD, by their sign in docs/cost.md.
pub struct Prices(BTreeMap<String, f64>);

impl Prices {
    /// Reads the table of docs/cost.md: the text, the sign, and the price in us-east-1.
    pub fn read(root: &Path) -> Result<Self> {
        let text = fs::read_to_string(root.join("docs/cost.md"))?;
        let mut prices = BTreeMap::new();
        for line in text.lines() {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let [_, _, sign, price, _, _] = cells.as_slice() else {
                continue;
            };
            let sign = sign
                .strip_prefix('`')
                .and_then(|sign| sign.strip_suffix('`'));
            if let (Some(sign), Ok(price)) = (sign, price.parse()) {
                prices.insert(sign.to_owned(), price);
            }
        }
        Ok(Self(prices))
    }

    fn of(&self, sign: &str) -> Result<f64> {
        let price = self.0.get(sign).copied();
        price.ok_or_else(|| format!("docs/cost.md has no price `{sign}`").into())
    }
}

/// Milliseconds of a warm call with this memory, not rounded.
fn duration(figures: &Figures, memory: f64) -> f64 {
    let processor = (memory / WHOLE_PROCESSOR).min(1.0);
    let waiting = figures.dynamodb_calls * DYNAMODB_MILLISECONDS
        + figures.service_calls * SERVICE_MILLISECONDS;
    figures.measured.cpu.median / 1e3 / processor + waiting
}

/// USD for a million calls, without DynamoDB and API Gateway: Lambda bills whole milliseconds.
fn lambda(figures: &Figures, memory: f64, prices: &Prices) -> Result<f64> {
    let seconds = duration(figures, memory).ceil() / 1e3;
    Ok(prices.of("l")? + seconds * memory / 1024.0 * prices.of("g")? * 1e6)
}

/// The smallest peak of memory, in MiB, that a function of this size has room for besides.
fn fits(figures: &Figures, memory: f64) -> bool {
    figures.measured.memory * 2.0 <= memory
}

/// The tables as Markdown.
pub fn tables(figures: &[Figures], prices: &Prices) -> Result<String> {
    let mut text = String::new();
    writeln!(
        text,
        "Prices of us-east-1, from [cost.md](cost.md#prices): Lambda `l` {} and `g` {}; DynamoDB `r` {} and \
         `w` {}; API Gateway `a` {}; SES `m` {}.\n",
        prices.of("l")?,
        prices.of("g")?,
        prices.of("r")?,
        prices.of("w")?,
        prices.of("a")?,
        prices.of("m")?
    )?;
    text.push_str("| Function | CPU ms | Round trips | Read units | Write units |");
    for size in SIZES {
        write!(text, " {size} MB |")?;
    }
    text.push_str(" Cheapest | DynamoDB | With the gateway |\n|---|---|---|---|---|");
    text.push_str(&"---|".repeat(SIZES.len() + 3));
    text.push('\n');
    for one in figures.iter().filter(|one| !one.is_baseline) {
        write!(
            text,
            "| `{}` | {:.2} | {} | {} | {} |",
            one.name,
            one.measured.cpu.median / 1e3,
            one.dynamodb_calls + one.service_calls,
            one.read_units,
            one.write_units
        )?;
        let mut cheapest = (f64::INFINITY, 0.0);
        for size in SIZES {
            let price = lambda(one, size, prices)?;
            if price < cheapest.0 && fits(one, size) {
                cheapest = (price, size);
            }
            write!(text, " {price:.2} ({:.0} ms) |", duration(one, size).ceil())?;
        }
        let units = one.read_units * prices.of("r")? + one.write_units * prices.of("w")?;
        let gateway = if one.is_consumer || one.name == "authorize" {
            0.0
        } else {
            prices.of("a")?
        };
        writeln!(
            text,
            " {} MB | {units:.2} | {:.2} |",
            cheapest.1,
            cheapest.0 + units + gateway
        )?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_of_the_document_are_found() {
        let prices = Prices::read(&crate::setup::root()).expect("a table");
        for sign in ["a", "l", "g", "r", "w", "m"] {
            assert!(prices.of(sign).expect(sign) > 0.0);
        }
    }
}
