"""Which parameters each operation reads; any other one is refused by name.

A test holds this to what the code that answers looks for.
"""

from everloop_localcloud.kernel.parameters import declared

READS = declared(
    """
GetServiceQuota: QuotaCode ServiceCode
ListServiceQuotas: MaxResults NextToken QuotaCode ServiceCode
RequestServiceQuotaIncrease: DesiredValue QuotaCode ServiceCode
    """
)
