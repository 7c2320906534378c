//! End to end: the real program, real phones (baresip, SIPp and one of our own), real audio, real files.
//!
//! Every test has a gateway of its own in a folder of its own on free ports, so all run in parallel.

mod baresip;
mod gateway;
pub mod http;
mod journal;
mod ports;
mod rtp;
mod sipp;
mod softphone;
mod tone;
mod wait;

mod call;
mod commands;
mod crash;
mod crowd;
mod demo;
mod edge;
mod flows;
mod hostile;
mod keys;
mod menus;
mod offers;
mod outside;
mod phases;
mod places;
mod recordings;
mod refusals;
mod srtp;
mod stop;
mod talks;
mod transfers;
