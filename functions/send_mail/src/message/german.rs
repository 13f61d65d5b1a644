//! The texts of mails in German.

use super::texts::{LinkTexts, NoticeTexts, Plural, Texts};

const PASSWORD_CHANGED: &str =
    "Das Passwort Ihres Kontos wurde geändert. Alle anderen Sitzungen wurden abgemeldet.";

const GET_HELP: &str = "Wenn Sie das selbst waren, ist nichts zu tun. Wenn nicht, wenden Sie sich bitte sofort an uns:";

const GET_HELP_OF: &str = "Wenn Sie das selbst waren, ist nichts zu tun. Wenn nicht, wenden Sie sich bitte sofort an den Support von {product}.";

pub(super) const GERMAN: Texts = Texts {
    greeting: "Guten Tag",
    automatic: "Dies ist eine automatische Nachricht.",
    hours: Plural {
        one: "Stunde",
        other: "Stunden",
    },
    days: Plural {
        one: "Tag",
        other: "Tagen",
    },
    reset_password: LinkTexts {
        subject: "Ihr Passwort für {product} zurücksetzen",
        intro: "Für Ihr Konto bei {product} wurde ein neues Passwort angefordert.",
        open: "Um es festzulegen, öffnen Sie diesen Link:",
        button: "Neues Passwort festlegen",
        or_open: "Oder öffnen Sie innerhalb von {lifetime} diesen Link:",
        expires: "Der Link läuft in {lifetime} ab und funktioniert einmal. Nur der neueste Link gilt.",
        works_once: "Der Link funktioniert einmal, und nur der neueste gilt.",
        unexpected: "Wenn Sie das nicht waren, können Sie diese E-Mail ignorieren. Ihr Passwort bleibt, wie es ist.",
    },
    confirm_email: LinkTexts {
        subject: "Ihre E-Mail-Adresse für {product} bestätigen",
        intro: "Diese Adresse wurde für ein Konto bei {product} angegeben.",
        open: "Um zu bestätigen, dass sie Ihnen gehört, öffnen Sie diesen Link:",
        button: "Adresse bestätigen",
        or_open: "Oder öffnen Sie innerhalb von {lifetime} diesen Link:",
        expires: "Der Link läuft in {lifetime} ab und funktioniert einmal. Nur der neueste Link gilt.",
        works_once: "Der Link funktioniert einmal, und nur der neueste gilt.",
        unexpected: "Wenn Sie dieses Konto nicht kennen, ignorieren Sie diese E-Mail. Die Adresse wird dann nicht bestätigt.",
    },
    password_changed: NoticeTexts {
        subject: "Ihr Passwort für {product} wurde geändert",
        news: PASSWORD_CHANGED,
        advice_with_contact: "Wenn Sie das selbst waren, ist nichts zu tun. Wenn nicht, fordern Sie jetzt für diese E-Mail-Adresse ein neues \
             Passwort an und legen Sie es fest. Wenden Sie sich danach bitte sofort an uns:",
        advice: "Wenn Sie das selbst waren, ist nichts zu tun. Wenn nicht, fordern Sie jetzt für diese E-Mail-Adresse ein neues \
             Passwort an und legen Sie es fest. Wenden Sie sich danach bitte sofort an den Support von {product}.",
    },
    former_password_changed: NoticeTexts {
        subject: "Ihr Passwort für {product} wurde geändert",
        news: PASSWORD_CHANGED,
        advice_with_contact: GET_HELP,
        advice: GET_HELP_OF,
    },
    email_changed: NoticeTexts {
        subject: "Ihre E-Mail-Adresse bei {product} wurde geändert",
        news: "Die E-Mail-Adresse Ihres Kontos wurde geändert. Dies ist die letzte Nachricht an diese Adresse.",
        advice_with_contact: GET_HELP,
        advice: GET_HELP_OF,
    },
    email_changed_with_link: LinkTexts {
        subject: "Ihre E-Mail-Adresse bei {product} wurde geändert",
        intro: "Die E-Mail-Adresse Ihres Kontos bei {product} wurde geändert. Dies ist die letzte Nachricht an diese Adresse.",
        open: "Wenn Sie das nicht waren, öffnen Sie diesen Link, um Ihr Konto zurückzuholen und ein neues Passwort festzulegen:",
        button: "Das war ich nicht",
        or_open: "Wenn Sie das nicht waren, drücken Sie den Knopf, oder öffnen Sie innerhalb von {lifetime} diesen Link:",
        expires: "Der Link läuft in {lifetime} ab und funktioniert einmal.",
        works_once: "Der Link funktioniert einmal.",
        unexpected: "Wenn Sie das selbst waren, ist nichts zu tun.",
    },
    email_change_requested: NoticeTexts {
        subject: "Neue E-Mail-Adresse für Ihr Konto bei {product}",
        news: "Für Ihr Konto wurde eine andere E-Mail-Adresse angegeben. Bis sie bestätigt ist, behält das Konto diese Adresse.",
        advice_with_contact: "Wenn Sie das selbst waren, ist nichts zu tun. Wenn nicht, fordern Sie jetzt für diese E-Mail-Adresse ein neues \
             Passwort an und legen Sie es fest. Die neue Adresse wird damit verworfen. Wenden Sie sich danach bitte sofort an uns:",
        advice: "Wenn Sie das selbst waren, ist nichts zu tun. Wenn nicht, fordern Sie jetzt für diese E-Mail-Adresse ein neues \
             Passwort an und legen Sie es fest. Die neue Adresse wird damit verworfen. Wenden Sie sich danach bitte sofort an den Support von {product}.",
    },
    account_deleted: NoticeTexts {
        subject: "Ihr Konto bei {product} wurde gelöscht",
        news: "Ihr Konto bei {product} wurde gelöscht. Dies ist die letzte Nachricht dazu.",
        advice_with_contact: "Wenn Sie es selbst gelöscht haben, ist nichts zu tun. Wenn nicht, wenden Sie sich bitte sofort an uns:",
        advice: "Wenn Sie es selbst gelöscht haben, ist nichts zu tun. Wenn nicht, wenden Sie sich bitte sofort an den Support von \
             {product}.",
    },
};
