//! Tests of the whole: one binary, so that everything links once.

#[cfg(test)]
mod corpora;
#[cfg(test)]
mod e2e;
#[cfg(test)]
mod sim;
#[cfg(test)]
mod tidy;
