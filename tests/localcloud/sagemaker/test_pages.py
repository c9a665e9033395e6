"""SageMaker's lists: ten a page where a request does not say, and no more than it says."""


def test_a_list_has_ten_where_nobody_asks_for_more(cloud_with):
    _, client = cloud_with("sagemaker", "s3")
    sagemaker = client("sagemaker")
    names = [f"group-{number:02}" for number in range(12)]
    for name in names:
        sagemaker.create_model_package_group(ModelPackageGroupName=name)
    first = sagemaker.list_model_package_groups()
    assert len(first["ModelPackageGroupSummaryList"]) == 10 and first["NextToken"]
    rest = sagemaker.list_model_package_groups(NextToken=first["NextToken"])
    assert len(rest["ModelPackageGroupSummaryList"]) == 2 and "NextToken" not in rest
    pages = sagemaker.get_paginator("list_model_package_groups").paginate()
    found = [
        one["ModelPackageGroupName"]
        for page in pages
        for one in page["ModelPackageGroupSummaryList"]
    ]
    assert sorted(found) == names
    assert (
        len(sagemaker.list_model_package_groups(MaxResults=3)["ModelPackageGroupSummaryList"]) == 3
    )
