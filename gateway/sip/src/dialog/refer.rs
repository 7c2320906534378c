//! REFER inside a dialog (RFC 3515, 3891, 3892): read for the user, who carries it out, and reported by NOTIFY.
//!
//! A phone's own REFER is here too: it stands on the same dialogs.

use std::fmt::Write as _;

use hotline_types::LegId;

use super::leg::{Leg, Legs};
use crate::build::Head;
use crate::endpoint::envelope::Envelope;
use crate::endpoint::identity;
use crate::header::{Name, Replaces, Value};
use crate::message::Method;
use crate::transaction::{Stack, TxId, User};
use crate::uri::Scheme;
use crate::{Event, Replaced};

/// Seconds that the implied subscription is said to last; it ends with the transfer.
const SUBSCRIBED_S: u32 = 180;

/// A REFER of the peer that is not finished.
#[derive(Debug)]
pub(crate) struct Referring {
    /// Number of the REFER, which tells its NOTIFYs from others' (RFC 3515 §2.4.6).
    cseq: u32,
    /// The REFER itself while it has no answer.
    waiting: Option<(TxId, Head)>,
}

impl Referring {
    /// Ends the REFER that waits, as the dialog ends.
    pub(super) fn end(&self, stack: &mut Stack) {
        if let Some((tx, head)) = &self.waiting {
            stack.server_respond(*tx, 487, head.response(487).finish());
        }
    }
}

impl Legs {
    /// A REFER of the peer: to the user, who answers it.
    pub(super) fn referred(&mut self, stack: &mut Stack, leg: LegId, tx: TxId, env: &Envelope<'_>) {
        let wish = read(env).map(|(user, replaces)| (user, self.replaced(replaces.as_deref())));
        let refusal = match (&wish, self.table.get(&leg)) {
            (Err(status), _) => Some(*status),
            (Ok(_), Some(Leg::Up(up))) if up.referring.is_some() => Some(491),
            (Ok(_), Some(Leg::Up(_))) => None,
            (Ok(_), _) => Some(403),
        };
        if let Some(status) = refusal {
            return self.reply(stack, tx, env, status);
        }
        let head = env.head(None);
        if let (Some(Leg::Up(up)), Ok((user, replaces))) = (self.table.get_mut(&leg), wish) {
            up.referring = Some(Referring {
                cseq: env.cseq,
                waiting: Some((tx, head)),
            });
            self.tell(Event::Referred { leg, user, replaces });
        }
    }

    /// The leg whose dialog a Replaces names (RFC 3891 §3): the tags are as we see them.
    fn replaced(&self, replaces: Option<&str>) -> Replaced {
        let Some(text) = replaces else {
            return Replaced::Nothing;
        };
        let Ok(replaces) = Replaces::parse(Value::new(text.as_bytes(), 0)) else {
            return Replaced::Unknown;
        };
        let leg = self.by_tag(replaces.to_tag);
        let found = leg.filter(|leg| {
            let dialog = self.table.get(leg).and_then(Leg::dialog);
            dialog.is_some_and(|dialog| {
                dialog.call_id == replaces.call_id && dialog.remote_tag == replaces.from_tag
            })
        });
        found.map_or(Replaced::Unknown, Replaced::Leg)
    }

    /// The user's answer to the REFER: 202, and a first NOTIFY (RFC 3515 §2.4.4), or a refusal.
    pub(crate) fn answer_refer(&mut self, stack: &mut Stack, leg: LegId, status: u16) {
        let Some(Leg::Up(up)) = self.table.get_mut(&leg) else {
            return;
        };
        let Some((tx, head)) = up
            .referring
            .as_mut()
            .and_then(|referring| referring.waiting.take())
        else {
            return;
        };
        let taken = (200..300).contains(&status);
        let mut draft = head.response(status).header(Name::Server, &self.settings.product);
        if taken {
            draft = draft.header(
                Name::Contact,
                super::contact(&up.dialog.face, up.dialog.hop.transport),
            );
        } else {
            up.referring = None;
        }
        stack.server_respond(tx, status, draft.finish());
        if taken {
            self.refer_progress(stack, leg, 100);
        }
    }

    /// How the transfer stands, as a NOTIFY; a final status ends the subscription.
    pub(crate) fn refer_progress(&mut self, stack: &mut Stack, leg: LegId, status: u16) {
        let Some(Leg::Up(up)) = self.table.get_mut(&leg) else {
            return;
        };
        let Some(Referring { cseq, waiting: None }) = up.referring else {
            return;
        };
        let state = if status < 200 {
            format!("active;expires={SUBSCRIBED_S}")
        } else {
            up.referring = None;
            "terminated;reason=noresource".to_owned()
        };
        let (tx, own) = (stack.new_branch(), up.dialog.next_cseq());
        let body = format!("SIP/2.0 {status} {}\r\n", crate::build::reason_phrase(status));
        let bytes = up
            .dialog
            .request(Method::Notify, tx, own, &self.settings.product)
            .header(
                Name::Contact,
                super::contact(&up.dialog.face, up.dialog.hop.transport),
            )
            .header(Name::Event, format_args!("refer;id={cseq}"))
            .header(Name::SubscriptionState, state)
            .body("message/sipfrag;version=2.0", body.as_bytes());
        stack.client_send(tx, User::Nobody, up.dialog.hop, bytes, false);
    }

    /// Sends a REFER, as a phone does that transfers: blind, or with the dialog of another leg of its to be replaced.
    pub(crate) fn refer(&mut self, stack: &mut Stack, leg: LegId, uri: &str, replaces: Option<LegId>) {
        let mut target = uri.to_owned();
        if let Some(dialog) = replaces
            .and_then(|other| self.table.get(&other))
            .and_then(Leg::dialog)
        {
            target.push_str("?Replaces=");
            escape(
                &mut target,
                &format!(
                    "{};to-tag={};from-tag={:016x}",
                    dialog.call_id, dialog.remote_tag, dialog.local_tag
                ),
            );
        }
        let Some(Leg::Up(up)) = self.table.get_mut(&leg) else {
            return;
        };
        up.refers = true;
        let (tx, cseq) = (stack.new_branch(), up.dialog.next_cseq());
        let bytes = up
            .dialog
            .request(Method::Refer, tx, cseq, &self.settings.product)
            .header(
                Name::Contact,
                super::contact(&up.dialog.face, up.dialog.hop.transport),
            )
            .header(Name::ReferTo, format_args!("<{target}>"))
            .finish();
        stack.client_send(tx, User::Refer(leg), up.dialog.hop, bytes, false);
    }

    /// The answer to a REFER of ours: a refusal is the end of it.
    pub(crate) fn refer_heard(&mut self, leg: LegId, status: u16) {
        if status >= 300
            && let Some(Leg::Up(up)) = self.table.get_mut(&leg)
        {
            up.refers = false;
            self.tell(Event::ReferProgress { leg, status });
        }
    }

    /// A NOTIFY: taken where we sent a REFER, 481 where not (RFC 6665 §4.1.3).
    pub(super) fn notified(&mut self, stack: &mut Stack, leg: LegId, tx: TxId, env: &Envelope<'_>) {
        let awaited = matches!(self.table.get(&leg), Some(Leg::Up(up)) if up.refers);
        if !awaited {
            return self.reply(stack, tx, env, 481);
        }
        let fragment = std::str::from_utf8(env.msg.body()).unwrap_or_default();
        let status = fragment
            .strip_prefix("SIP/2.0 ")
            .and_then(|rest| rest.get(..3)?.parse().ok());
        let Some(status) = status else {
            return self.reply(stack, tx, env, 400);
        };
        self.reply(stack, tx, env, 200);
        if let Some(Leg::Up(up)) = self.table.get_mut(&leg) {
            up.refers = status < 200;
        }
        self.tell(Event::ReferProgress { leg, status });
    }
}

/// Whom a REFER names: the user part, and the Replaces that it carries, unescaped. The error is the status to answer.
fn read(env: &Envelope<'_>) -> Result<(String, Option<String>), u16> {
    // Exactly one Refer-To (RFC 3515 §2.4.1).
    let addr = env.msg.addr(Name::ReferTo).map_err(|_| 400_u16)?.ok_or(400_u16)?;
    let uri = addr.uri().map_err(|_| 400_u16)?;
    if matches!(uri.scheme, Scheme::Other(_)) {
        return Err(416);
    }
    let user = identity::plain_user(uri.user_decoded().unwrap_or_default());
    let replaces = uri.headers.unwrap_or_default().split('&').find_map(|header| {
        let (name, value) = header.split_once('=')?;
        name.eq_ignore_ascii_case("replaces").then(|| unescape(value))
    });
    Ok((user, replaces.flatten()))
}

/// Percent escapes of a URI's headers, undone; none where one is broken.
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let (high, low) = (digit(rest.next())?, digit(rest.next())?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

fn escape(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            let _never_fails = write!(out, "%{byte:02X}");
        }
    }
}
