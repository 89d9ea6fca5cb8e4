//! From a configuration to a Verilated MMU.

use anyhow::Result;
use hashwalk_hdl::Design;
use hashwalk_rtl::generate;
use hashwalk_sim::{Cache, Dut, Model, Options, Toolchain};
use hashwalk_spec::Config;
use indicatif::ProgressBar;
use std::time::Duration;

/// A Verilated configuration, of which any number of devices can be made.
pub struct Device {
    config: Config,
    model: Model,
}

impl Device {
    /// Verilates the configuration, unless that was done before, and says so while it takes.
    ///
    /// # Errors
    /// A tool is missing or fails, or the cache cannot be written.
    pub fn build(config: &Config, trace: bool) -> Result<Device> {
        Device::of(config, &generate(config), trace)
    }

    /// The same for a design that is not quite what the configuration generates: one that was broken on purpose.
    ///
    /// # Errors
    /// As for [`Device::build`].
    pub fn of(config: &Config, design: &Design, trace: bool) -> Result<Device> {
        let toolchain = Toolchain::locate()?;
        let options = Options { trace, checks: true };
        let spinner = ProgressBar::new_spinner();
        let model = Model::build_in(&Cache::usual(), &toolchain, design, options, &mut |message| {
            spinner.enable_steady_tick(Duration::from_millis(100));
            spinner.set_message(format!("{}: {message}", config.name()));
        });
        spinner.finish_and_clear();
        Ok(Device { config: config.clone(), model: model? })
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// A new device, as after power-on.
    ///
    /// # Errors
    /// The shared object cannot be loaded.
    pub fn load(&self) -> Result<Dut> {
        Ok(Dut::load(&self.model)?)
    }
}
