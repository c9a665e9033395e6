"""What moto stands for in a cloud does not grow with what is done, but with what is kept."""

import gc

from moto.dynamodb.models.dynamo_type import Item


def test_items_that_were_replaced_are_let_go(cloud_with) -> None:
    _, client = cloud_with("sqs")
    dynamodb = client("dynamodb")
    dynamodb.create_table(
        TableName="kept",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
    )
    for number in range(200):
        item = {"pk": {"S": "one"}, "times-replaced": {"N": str(number)}}
        dynamodb.put_item(TableName="kept", Item=item)
    gc.collect()
    alive = [
        one for one in gc.get_objects() if isinstance(one, Item) and "times-replaced" in one.attrs
    ]
    assert len(alive) == 1
