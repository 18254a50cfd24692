"""Put the files of a project into the wheel, from which `radpipe init` copies them."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ProjectFiles(BuildHookInterface):  # type: ignore[type-arg]
    """Adds what pyproject.toml lists; an editable install finds them in the checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Map each file to its place in the package."""
        if version != "editable":
            # A file that says the package's version, for DVC to compare.
            build_data["force_include"]["pyproject.toml"] = "radpipe/pyproject.toml"
            for name in self.config["project-files"]:
                build_data["force_include"][name] = f"radpipe/project/{name}"
