"""Looks at the servers of the settings before any work: what each is, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from urbextag.config import EndpointConfig, VlmConfig
from urbextag.errors import ConfigError, UrbextagError
from urbextag.vlm.client import Client, make_client
from urbextag.vlm.records import EndpointError, Probed, ServerFault


@dataclass(frozen=True, slots=True)
class Server:
    """One server of the settings, looked at."""

    endpoint: EndpointConfig
    client: Client | None = None
    """None where there can be none: its key is not set."""
    probed: Probed | None = None
    fault: str = ""
    """What is wrong, for people; empty where it is ready."""
    remedy: str = ""
    lasting: bool = False
    """Whether asking again does not mend it."""

    @property
    def detail(self) -> str:
        """One line on a server that is ready."""
        if self.probed is None:
            return ""
        version = f" {self.probed.version}" if self.probed.version else ""
        context = f", context of {self.probed.context:,} tokens" if self.probed.context else ""
        thinks = ", told not to think" if self.probed.thinking else ""
        return f"{self.probed.kind}{version} at {self.endpoint.url}: {self.probed.model} can see{context}{thinks}"


def look_at_all(config: VlmConfig) -> list[Server]:
    """Every server of the settings, asked side by side.

    Raises:
        ConfigError: the settings name none.

    """
    if not config.endpoints:
        raise ConfigError(
            "no VLM server is named in urbextag.toml", "Add a block [[vlm.endpoints]]; docs/vlm.md shows how"
        )
    with ThreadPoolExecutor(len(config.endpoints)) as pool:
        return list(pool.map(lambda endpoint: look_at(endpoint, config), config.endpoints))


def look_at(endpoint: EndpointConfig, config: VlmConfig) -> Server:
    """One server, asked what it is."""
    try:
        client = make_client(endpoint, config)
    except EndpointError as error:
        return Server(endpoint, fault=error.message, remedy=error.remedy, lasting=True)
    try:
        return Server(endpoint, client, client.probe())
    except EndpointError as error:
        return Server(endpoint, client, fault=error.message, remedy=error.remedy, lasting=True)
    except ServerFault as fault:
        remedy = "Start it" if endpoint.kind != "ollama" else "Start it: ollama serve"
        return Server(endpoint, client, fault=fault.message, remedy=remedy)


def usable(servers: Sequence[Server]) -> list[Client]:
    """The servers that are ready or may become so.

    Raises:
        EndpointError: there is none.
        UrbextagError: none answers.

    """
    clients = [server.client for server in servers if server.client and not server.lasting]
    if all(server.fault for server in servers):
        faults = "; ".join(server.fault for server in servers)
        remedies = "; ".join(dict.fromkeys(server.remedy for server in servers))
        raise EndpointError(faults, remedies) if not clients else UrbextagError(faults, remedies)
    return clients
