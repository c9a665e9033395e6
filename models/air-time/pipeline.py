"""Tune the trees instead of training them once; the rest is as in every model's pipeline."""

from sagemaker.core.parameter import ContinuousParameter, IntegerParameter
from sagemaker.mlops.workflow.steps import TuningStep
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, OutputDataConfig, StoppingCondition
from sagemaker.train.tuner import HyperparameterTuner


def pipeline(context):
    """Preprocess, tune, evaluate the best of the tuning, register it if it meets the bars."""
    data = context.preprocess()
    models = context.output("model")
    seconds = context.spec.train.time_limit_minutes * 60
    trainer = ModelTrainer(
        sagemaker_session=context.session,
        role=context.role,
        training_image=context.image,
        base_job_name=context.model,
        compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=30),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=seconds),
        hyperparameters=context.script_mode("train.py"),
        output_data_config=OutputDataConfig(s3_output_path=models),
    )
    tuner = HyperparameterTuner(
        model_trainer=trainer,
        objective_metric_name="validation:rmse",
        objective_type="Minimize",
        metric_definitions=[{"Name": "validation:rmse", "Regex": "validation_rmse=([0-9.]+);"}],
        hyperparameter_ranges={
            "learning_rate": ContinuousParameter(0.02, 0.3, scaling_type="Logarithmic"),
            "max_leaf_nodes": IntegerParameter(4, 24),
        },
        strategy="Random",
        random_seed=7,
        max_jobs=4,
        max_parallel_jobs=2,
    )
    channels = [context.channel(data, name) for name in ("train", "validation")]
    tune = TuningStep("Tune", step_args=tuner.tune(inputs=channels))
    return context.pipeline([data, tune], context.best_model(tune, models))
