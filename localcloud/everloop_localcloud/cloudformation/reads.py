"""Which parameters each operation reads; any other one is refused by name.

A test holds this to what the code that answers looks for.
"""

from everloop_localcloud.kernel.parameters import declared

READS = declared(
    """
CreateChangeSet: Capabilities ChangeSetName ChangeSetType ClientToken DeploymentMode Description
    ImportExistingResources IncludeNestedStacks OnStackFailure Parameters ResourceTypes
    ResourcesToImport RollbackConfiguration StackName Tags TemplateBody TemplateURL
    UsePreviousTemplate
CreateStack: Capabilities ClientRequestToken DisableRollback EnableTerminationProtection OnFailure
    Parameters ResourceTypes RetainExceptOnCreate RollbackConfiguration StackName StackPolicyBody
    StackPolicyURL Tags TemplateBody TemplateURL TimeoutInMinutes
DeleteChangeSet: ChangeSetName StackName
DeleteStack: ClientRequestToken DeletionMode RetainResources StackName
DescribeChangeSet: ChangeSetName StackName
DescribeStackEvents: NextToken StackName
DescribeStackResource: LogicalResourceId StackName
DescribeStackResources: LogicalResourceId PhysicalResourceId StackName
DescribeStacks: StackName
ExecuteChangeSet: ChangeSetName ClientRequestToken DisableRollback RetainExceptOnCreate StackName
GetTemplate: ChangeSetName StackName TemplateStage
GetTemplateSummary: StackName TemplateBody TemplateURL
ListChangeSets: StackName
ListExports:
ListStackResources: NextToken StackName
ListStacks: StackStatusFilter
UpdateStack: Capabilities ClientRequestToken DisableRollback Parameters ResourceTypes
    RetainExceptOnCreate RollbackConfiguration StackName StackPolicyBody
    StackPolicyDuringUpdateBody StackPolicyDuringUpdateURL StackPolicyURL Tags TemplateBody
    TemplateURL UsePreviousTemplate
UpdateTerminationProtection: EnableTerminationProtection StackName
ValidateTemplate: TemplateBody TemplateURL
"""
)
