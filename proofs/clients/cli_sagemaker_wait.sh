# Training, batch and an endpoint with the CLI alone, and its waiters: for ends, and for what never comes.
role=arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-ExecutionRole
image=683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3
bucket=cli-wait
code=$PWD/linear
work=$(mktemp -d)
cd "$work"
aws s3 mb "s3://$bucket" > /dev/null
tar czf sourcedir.tar.gz -C "$code" train.py inference.py
printf '1,0,2\n0,1,3\n1,1,5\n' > rows.csv
printf '10,0\n0,10\n' > new.csv
aws s3 cp sourcedir.tar.gz "s3://$bucket/sourcedir.tar.gz" > /dev/null
aws s3 cp rows.csv "s3://$bucket/train/rows.csv" > /dev/null
aws s3 cp new.csv "s3://$bucket/new/rows.csv" > /dev/null

# Nothing is waited for that does not exist.
if aws sagemaker wait training-job-completed-or-stopped --training-job-name cli-none 2> trouble; then exit 1; fi
grep -q "Waiter TrainingJobCompletedOrStopped failed" trouble
aws sagemaker wait endpoint-deleted --endpoint-name cli-none

cluster='{"ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5}}'
aws sagemaker create-processing-job --processing-job-name cli-wait --role-arn "$role" \
  --app-specification "ImageUri=$image,ContainerEntrypoint=python3,-c,print(6*7)" \
  --processing-resources "$cluster" > /dev/null
aws sagemaker create-training-job --training-job-name cli-wait --role-arn "$role" \
  --algorithm-specification "TrainingImage=$image,TrainingInputMode=File" \
  --hyper-parameters "{\"sagemaker_program\": \"train.py\", \"rate\": \"0.1\", \"steps\": \"500\",
    \"sagemaker_submit_directory\": \"s3://$bucket/sourcedir.tar.gz\"}" \
  --input-data-config "[{\"ChannelName\": \"train\", \"DataSource\": {\"S3DataSource\":
    {\"S3DataType\": \"S3Prefix\", \"S3Uri\": \"s3://$bucket/train/\"}}}]" \
  --output-data-config "S3OutputPath=s3://$bucket/models" \
  --resource-config InstanceType=ml.m5.large,InstanceCount=1,VolumeSizeInGB=5 \
  --stopping-condition MaxRuntimeInSeconds=600 > /dev/null
aws sagemaker wait processing-job-completed-or-stopped --processing-job-name cli-wait
aws sagemaker wait training-job-completed-or-stopped --training-job-name cli-wait
[ "$(aws sagemaker describe-processing-job --processing-job-name cli-wait \
  --query ProcessingJobStatus --output text)" = Completed ]
model=$(aws sagemaker describe-training-job --training-job-name cli-wait \
  --query ModelArtifacts.S3ModelArtifacts --output text)

aws sagemaker create-model --model-name cli-wait --execution-role-arn "$role" \
  --primary-container "{\"Image\": \"$image\", \"ModelDataUrl\": \"$model\", \"Environment\":
    {\"SAGEMAKER_PROGRAM\": \"inference.py\",
     \"SAGEMAKER_SUBMIT_DIRECTORY\": \"s3://$bucket/sourcedir.tar.gz\"}}" > /dev/null
aws sagemaker create-endpoint-config --endpoint-config-name cli-wait --production-variants \
  VariantName=AllTraffic,ModelName=cli-wait,InstanceType=ml.m5.large,InitialInstanceCount=1 > /dev/null
aws sagemaker create-endpoint --endpoint-name cli-wait --endpoint-config-name cli-wait > /dev/null
aws sagemaker create-transform-job --transform-job-name cli-wait --model-name cli-wait \
  --transform-input "{\"DataSource\": {\"S3DataSource\": {\"S3DataType\": \"S3Prefix\",
    \"S3Uri\": \"s3://$bucket/new/\"}}, \"ContentType\": \"text/csv\", \"SplitType\": \"Line\"}" \
  --transform-output "S3OutputPath=s3://$bucket/scores,AssembleWith=Line" \
  --transform-resources InstanceType=ml.m5.large,InstanceCount=1 > /dev/null
aws sagemaker wait endpoint-in-service --endpoint-name cli-wait
aws sagemaker wait transform-job-completed-or-stopped --transform-job-name cli-wait
aws s3 cp "s3://$bucket/scores/rows.csv.out" scores > /dev/null
awk '{ printf "%.0f ", $1 }' scores | grep -q '^20 30 $'
aws sagemaker-runtime invoke-endpoint --endpoint-name cli-wait --content-type text/csv \
  --body fileb://new.csv answer > /dev/null
awk '{ printf "%.0f ", $1 }' answer | grep -q '^20 30 $'

aws sagemaker delete-endpoint --endpoint-name cli-wait
aws sagemaker wait endpoint-deleted --endpoint-name cli-wait
echo "waited for two jobs, a batch and an endpoint"
