"""Every auditor, by its name."""

from typing import Final

from proofs.audit.auditors import code, dependencies, own, policies, templates
from proofs.audit.run import Auditor

OFFLINE: Final[dict[str, Auditor]] = {  # the longest first
    "secrets": code.secrets,
    "checkov": templates.checkov,
    "bandit": code.bandit,
    "cfn-lint": templates.cfn_lint,
    "own": own.own,
    "dependencies": dependencies.dependencies,
    "parliament": policies.parliament_,
    "cloudsplaining": policies.cloudsplaining,
}
ONLINE: Final[dict[str, Auditor]] = {"known holes": dependencies.known_holes}
