//! From the settings of trunks and dial plan to those of endpoint and switch.

use hotline_config::{
    CalledIn, Dtmf, IdentityIn, NumberForm, Settings, TrunkCodec, TrunkRules, TrunkTransport,
};
use hotline_media::Codec;
use hotline_sip::Transport;
use hotline_switch::dialplan::{self, DialPlan, DialRule};
use hotline_switch::{Keys, TrunkLines};

use crate::parts::listener_id;

/// A trunk's rules in the endpoint's words.
#[must_use]
pub fn rules(rules: &TrunkRules) -> hotline_sip::TrunkRules {
    let called = |called: &CalledIn| match called {
        CalledIn::RequestUri => hotline_sip::CalledIn::RequestUri,
        CalledIn::To => hotline_sip::CalledIn::To,
        CalledIn::PCalledPartyId => hotline_sip::CalledIn::PCalledPartyId,
        CalledIn::Diversion => hotline_sip::CalledIn::Diversion,
        CalledIn::HistoryInfo => hotline_sip::CalledIn::HistoryInfo,
    };
    hotline_sip::TrunkRules {
        gateways: rules.gateways.clone(),
        transport: match rules.transport {
            TrunkTransport::Udp => Transport::Udp,
            TrunkTransport::Tcp => Transport::Tcp,
            TrunkTransport::Tls => Transport::Tls,
        },
        domain: rules.domain.clone(),
        account: rules.account.as_ref().map(|account| hotline_sip::TrunkAccount {
            user: account.user.clone(),
            auth_user: account.auth_user.clone(),
            password: account.password.clone(),
            realm: account.realm.clone(),
        }),
        register: rules.register,
        ping: rules.ping,
        called: rules.called.iter().map(called).collect(),
        trust_identity: rules.trust_identity,
        identity: match rules.identity {
            IdentityIn::From => hotline_sip::IdentityIn::From,
            IdentityIn::PAssertedIdentity => hotline_sip::IdentityIn::PAsserted,
            IdentityIn::PPreferredIdentity => hotline_sip::IdentityIn::PPreferred,
        },
        pass_headers: rules.pass_headers.clone(),
    }
}

/// The trunks as the switch uses them.
#[must_use]
pub fn lines(settings: &Settings) -> Vec<TrunkLines> {
    let codec = |codec: &TrunkCodec| match codec {
        TrunkCodec::Pcma => Codec::Pcma,
        TrunkCodec::Pcmu => Codec::Pcmu,
    };
    let lines = settings.trunks.iter().map(|trunk| TrunkLines {
        slug: trunk.slug.clone(),
        listener: listener_id(trunk.listener),
        calls_max: trunk.rules.calls_max.unwrap_or(settings.hotline.lines),
        calls_per_second: trunk.rules.calls_per_second,
        priority: trunk.rules.priority,
        weight: trunk.rules.weight,
        takes_calls: !trunk.rules.gateways.is_empty(),
        numbers: match trunk.rules.numbers {
            NumberForm::Plus => dialplan::NumberForm::Plus,
            NumberForm::Bare => dialplan::NumberForm::Bare,
            NumberForm::National => dialplan::NumberForm::National,
            NumberForm::Prefixed => dialplan::NumberForm::Prefixed,
        },
        codecs: trunk.rules.codecs.iter().map(codec).collect(),
        keys: match trunk.rules.dtmf {
            Dtmf::Rfc4733 => Keys::Events,
            Dtmf::Info => Keys::Info,
            Dtmf::Inband => Keys::Tones,
        },
    });
    lines.collect()
}

/// The dial plan.
#[must_use]
pub fn dialplan(settings: &Settings) -> DialPlan {
    let numbering = settings.numbering.plan();
    let outside = &settings.outside;
    let rule = |rule: &hotline_config::Destination| DialRule {
        slug: rule.slug.clone(),
        numbers: rule.numbers.clone(),
        allow: rule.allow,
        trunks: rule.trunks.clone(),
        calls_max: rule.calls_max,
        calls_per_hour: rule.calls_per_hour,
    };
    let own = settings.numbers.iter().flat_map(|number| &number.dialled);
    DialPlan {
        rules: outside.destinations.iter().map(rule).collect(),
        caller: outside.caller.as_ref().map(|caller| numbering.normal(caller)),
        own: own.map(|dialled| numbering.normal(dialled)).collect(),
        emergency: outside.emergency_numbers.clone(),
        emergency_allowed: outside.emergency_allowed,
        calls_max: outside.calls_max,
        kept_for_callers: outside.kept_for_callers,
        ring: outside.ring,
        numbering,
    }
}
