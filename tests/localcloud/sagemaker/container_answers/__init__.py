"""How AWS's scikit-learn and XGBoost containers answer a script's requests, case by case."""
