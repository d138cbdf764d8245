//! Fuzz targets.

mod headers;
mod rules;
mod webhooks;
