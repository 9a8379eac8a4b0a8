//! The library as other languages see it: C, C++, PHP, Python and Lua programs against the headers and the shared library,
//! the examples, and what `make install` installs.
//!
//! Programs are compiled with all warnings as errors, run against the stand-in service, and again under valgrind. A tool that is
//! not installed is told and its test skipped, unless `CI=true`: then it is a failure.

#[path = "../support/mod.rs"]
mod support;

mod c_programs;
mod examples;
mod hosts;
mod install;
mod limits;
mod other_languages;
mod program;
mod proof;
mod secrets;
mod thread_sanitizer;
mod tools;
