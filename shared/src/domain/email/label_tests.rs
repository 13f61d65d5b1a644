//! Tests of A-labels: each must decode to a name that encodes to the same A-label.

use super::EmailAddress;

#[test]
fn rejects_a_label_that_does_not_round_trip() {
    for domain in [
        "xn--xn--ber-goa.example",
        "xn--xn--ben--xn--ber-r-kva.example",
        "xn--bcher-kva.xn--xn--ben--xn--ber-r-kva.example",
        "XN--XN--BER-GOA.example",
        "xn--.example",
        "xn--a.example",
        "xn--bcher-.example",
    ] {
        assert!(
            EmailAddress::parse(&format!("a@{domain}")).is_err(),
            "{domain}"
        );
    }
}

#[test]
fn accepts_a_label_that_round_trips() {
    for domain in [
        "xn--bcher-kva.example",
        "XN--BCHER-KVA.example",
        "xn--strae-oqa.example",
        "ab--cd.example",
        "xn--mgba3gch31f060k.example",
    ] {
        assert!(
            EmailAddress::parse(&format!("a@{domain}")).is_ok(),
            "{domain}"
        );
    }
}
